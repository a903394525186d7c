"""Answers to photos: an exported bundle as a reader of scenes, and as a recommender of lenses."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
