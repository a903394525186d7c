"""Other data set formats, written as scanml's raw data folder: COCO JSON beside `images/`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
