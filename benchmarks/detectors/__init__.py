"""One script per detector for `detect_from_scratch`, each run by the Python of its own environment."""
