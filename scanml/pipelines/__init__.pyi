from .demo import demo
from .plan import plan
from .run import Finished, run

__all__ = ["Finished", "demo", "plan", "run"]
