"""Several steps, one after the other: your data (`run`), or the drawn world (`demo`)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
