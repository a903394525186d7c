from .catalog import load_lenses, load_markers
from .config import AugmentConfig, DataConfig
from .images import decode_image, read_image
from .load import load_coco, load_folder
from .pipeline import BatchSource
from .records import DataSet, Record, Split
from .shards import open_shards, open_split, write_shards
from .validate import inspect_folder, validate_folder

__all__ = [
    "AugmentConfig",
    "BatchSource",
    "DataConfig",
    "DataSet",
    "Record",
    "Split",
    "decode_image",
    "inspect_folder",
    "load_coco",
    "load_folder",
    "load_lenses",
    "load_markers",
    "open_shards",
    "open_split",
    "read_image",
    "validate_folder",
    "write_shards",
]
