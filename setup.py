"""Name, version, dependencies, extras and the `scanml` command; tool settings are in pyproject.toml."""

from setuptools import find_packages, setup

setup(
    name="scanml",
    version="0.1.0",
    description="Train, evaluate and ship the models behind a camera's Scan button",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",  # NumPy's typing and StrEnum from below, TensorFlow's wheels from above
    packages=[*find_packages(include=["scanml", "scanml.*"]), "scanml.experiments"],
    package_dir={"scanml.experiments": "experiments"},  # `--config detect` works where only the package is installed
    package_data={"scanml": ["py.typed", "**/*.pyi"]},
    install_requires=[
        "tensorflow>=2.20",  # default backend, SavedModel
        "keras>=3.10",  # models, losses and ops, on TensorFlow and JAX
        "numpy>=2.0",  # np.bitwise_count compares perceptual hashes
        "scipy>=1.13",  # temperature: bounded scalar minimization
        "opencv-python-headless>=4.10",  # cv2 without GUI libraries: starts in slim containers
        "pillow>=11",  # CMYK JPEGs: OpenCV rounds them differently from TensorFlow
        "pycocotools>=2.0.8",  # COCO's own evaluation
        "matplotlib>=3.8",  # curves in the report
        "mlflow>=3.1",  # runs, metrics, registry with aliases
        "tqdm>=4.66",  # progress and time left
        "pyyaml>=6",  # files for orchestrators, YOLO's data.yaml
        "packaging>=22",  # `scanml doctor`: which versions a package allows
        "lazy-loader>=0.6",  # `import scanml` costs nothing; before 0.6 a module hid its function of the same name
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.20"],
        "jax": ["jax>=0.6"],
        "s3": ["s3fs>=2026.1"],  # inputs and outputs at s3://…; unbounded, resolvers find 0.4 of 2020
        "kubeflow": ["kfp>=2.16"],  # compiles what `scanml wrap kubeflow` writes
        "kubernetes": ["kubernetes-validate>=1.37"],  # checks what `scanml wrap cronjob` writes
        "phones": ["ai-edge-litert>=2.0"],  # runs the files that `scanml export --format litert` writes, to prove them
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3.6",
            "pytest-cov>=6",
            "hypothesis>=6.100",
            "scikit-learn>=1.5",
            "ruff>=0.11",
            "mypy>=1.15",
            "import-linter>=2.3",
            "nbclient>=0.10",
            "ipykernel>=6.29",
            "psycopg2-binary>=2.9",  # MLflow's server on PostgreSQL
            "ai-edge-litert>=2.0",
            "kfp>=2.16",
            "kubernetes-validate>=1.37",
            "dockerfile-parse>=2",
            "s3fs>=2026.1",
            "moto[s3,server]>=5.1",
        ],
    },
    entry_points={"console_scripts": ["scanml = scanml.cli:main"]},
)
