"""While it is imported, TensorFlow remarks on missing GPUs, before any log level counts: not on our stderr."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


def quiet_tensorflow() -> None:
    """Whoever imports TensorFlow first gets it without its remarks; errors are raised as ever."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).addFilter(_is_error)  # a level would be set back at the import
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


def _is_error(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


class _Finder(MetaPathFinder):
    """Steps aside at the first question for TensorFlow and answers it with the module, imported in silence."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        with _muted():
            module = importlib.import_module(name)
        return importlib.util.spec_from_loader(name, _Loaded(module), origin=module.__file__, is_package=True)


class _Loaded(Loader):
    """A module that is there already."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: it has run."""


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a descriptor is wanted
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
