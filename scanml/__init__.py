"""Train, evaluate and ship the models behind a camera's Scan button."""

__version__ = "0.1.0"
