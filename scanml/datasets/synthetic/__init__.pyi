from .lenses import LENSES
from .objects import CLASS_NAMES
from .posters import MARKER_IDS, draw_poster
from .scenes import TRIGGER_NAMES, DrawnScene, ScenePlan, choose_plan, draw_scene
from .showcase import SHOWCASE, ShowcaseFrame
from .world import draw_world

__all__ = [
    "CLASS_NAMES",
    "LENSES",
    "MARKER_IDS",
    "SHOWCASE",
    "TRIGGER_NAMES",
    "DrawnScene",
    "ScenePlan",
    "ShowcaseFrame",
    "choose_plan",
    "draw_poster",
    "draw_scene",
    "draw_world",
]
