"""How scanml says no. Every message gives what was expected, what came, where, and the way out."""

from __future__ import annotations


class ScanmlError(Exception):
    """A mistake that its reader can mend. `exit_code` is what the command line ends with."""

    exit_code = 2


class ConfigError(ScanmlError):
    """An option, override or experiment file is wrong."""


class DataError(ScanmlError):
    """An image, label, shard or folder is not what it should be."""


class ModelError(ScanmlError):
    """A model cannot be built, trained or used as asked."""


class ArtifactError(ScanmlError):
    """A file written by scanml (checkpoint, report, bundle) is missing, damaged or of another kind."""


class GateError(ScanmlError):
    """Refused by judgment: a rule, a parity check or a verdict says no."""

    exit_code = 3
