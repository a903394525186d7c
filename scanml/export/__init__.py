"""A trained model as a bundle: SavedModel, markers, lenses, and a manifest that holds every file to its hash."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
