from . import evaluate, export, extract, gate, register, train, validate
from .contract import Options
from .experiment import EvaluationConfig, Experiment, GateConfig, Rule, load_experiment, smoke_test
from .report import StepReport, read_report

__all__ = [
    "EvaluationConfig",
    "Experiment",
    "GateConfig",
    "Options",
    "Rule",
    "StepReport",
    "evaluate",
    "export",
    "extract",
    "gate",
    "load_experiment",
    "read_report",
    "register",
    "smoke_test",
    "train",
    "validate",
]
