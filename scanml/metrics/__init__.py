"""What is measured on predictions: NumPy, SciPy and pycocotools' matching, no framework."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
