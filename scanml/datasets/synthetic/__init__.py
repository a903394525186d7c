"""A small drawn scan world with exact truth: scenes, posters, lenses; the same from the same seed."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
