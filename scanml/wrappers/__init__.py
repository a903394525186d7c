"""One file per orchestrator: a pipeline value and its settled experiment become the file that it reads."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
