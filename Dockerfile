# scanml on a CPU (the default target) or a GPU. What is installed is what setup.py says: no list of its own.
#
#   docker build --tag scanml .
#   docker build --tag scanml:gpu --target gpu .
#   docker run --rm --volume "$PWD:/work" --user "$(id -u):$(id -g)" scanml run --config detect --in data=photos --out out

ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/scanml
ENV PATH=/opt/scanml/bin:${PATH}
WORKDIR /source

# Dependencies before code: a layer of gigabytes that is made anew only when setup.py changes. pip reads them by installing
# an empty scanml, and takes that away again.
FROM build AS dependencies
COPY setup.py ./
RUN mkdir scanml experiments && touch scanml/__init__.py

FROM dependencies AS dependencies-cpu
RUN --mount=type=cache,target=/root/.cache/pip pip install '.[s3]' && pip uninstall --yes scanml

FROM dependencies AS dependencies-gpu
RUN --mount=type=cache,target=/root/.cache/pip pip install '.[gpu,s3]' && pip uninstall --yes scanml

# Code alone, laid out as the environment is: a layer of a megabyte.
FROM build AS code
COPY setup.py pyproject.toml LICENSE ./
COPY experiments experiments
COPY scanml scanml
RUN --mount=type=cache,target=/root/.cache/pip pip install --no-deps --prefix /code .

# What runs: no compiler, no sources, no pip cache. The user id is the one that scanml/wrappers/cronjob.py asks for.
FROM ${BASE} AS runtime
RUN useradd --uid 10001 --user-group --no-log-init --create-home --home-dir /work scanml
# Homes may be read-only; a missing git is nothing that MLflow need remark on.
ENV PATH=/opt/scanml/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    MLFLOW_DISABLE_TELEMETRY=true \
    GIT_PYTHON_REFRESH=quiet \
    MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /work
USER 10001:10001
ENTRYPOINT ["scanml"]
CMD ["--help"]

FROM runtime AS gpu
# CUDA comes with the dependencies; these let NVIDIA's container runtime add the driver.
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=dependencies-gpu /opt/scanml /opt/scanml
COPY --from=code /code /opt/scanml

FROM runtime AS cpu
COPY --from=dependencies-cpu /opt/scanml /opt/scanml
COPY --from=code /code /opt/scanml
