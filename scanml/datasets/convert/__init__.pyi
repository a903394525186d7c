from .coco_folder import Written, write_folder
from .labelled import LabelledFolder, LabelledImage, LabelledObject
from .voc import read_voc
from .yolo import read_yolo

__all__ = [
    "LabelledFolder",
    "LabelledImage",
    "LabelledObject",
    "Written",
    "read_voc",
    "read_yolo",
    "write_folder",
]
