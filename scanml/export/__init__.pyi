from .bundle import Bundle, Manifest, PhoneModel, PhoneNetwork, open_bundle
from .config import ExportConfig
from .parity import Parity, prove_parity
from .phones import add_phones
from .saved_model import write_saved_model
from .writer import Origin, write_bundle

__all__ = [
    "Bundle",
    "ExportConfig",
    "Manifest",
    "Origin",
    "Parity",
    "PhoneModel",
    "PhoneNetwork",
    "add_phones",
    "open_bundle",
    "prove_parity",
    "write_bundle",
    "write_saved_model",
]
