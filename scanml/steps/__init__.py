"""One file per step: files in, files out. Each has `run(config, inputs, output, options)`, in notebooks as anywhere."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
