"""A notebook of numbers: what was run, on what, with which result; and the registry of what may be served."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
