from .bundle import Bundle, Manifest, open_bundle
from .parity import Parity, prove_parity
from .saved_model import write_saved_model
from .writer import Origin, write_bundle

__all__ = [
    "Bundle",
    "Manifest",
    "Origin",
    "Parity",
    "open_bundle",
    "prove_parity",
    "write_bundle",
    "write_saved_model",
]
