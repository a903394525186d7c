"""Five frames that no split contains, each with the lens that has to come first and the reason."""

from __future__ import annotations

from dataclasses import dataclass

from scanml.datasets.synthetic.backgrounds import Setting
from scanml.datasets.synthetic.scenes import ScenePlan


@dataclass(frozen=True, kw_only=True)
class ShowcaseFrame:
    """A planned frame, the lens that belongs to it and why, in words for people."""

    name: str
    plan: ScenePlan
    expected_lens: str
    why: str


SHOWCASE = (
    ShowcaseFrame(
        name="moon_poster",
        plan=ScenePlan(
            setting=Setting(ground="table", horizon=0.75),
            kinds=("flower", "umbrella"),
            sides_px=(50, 80),
            marker_id="moon-concert",
            poster_share=0.4,
            camera_strength=0.6,
        ),
        expected_lens="moonwalk-stage",
        why="the poster moon-concert belongs to this lens",
    ),
    ShowcaseFrame(
        name="reef_poster",
        plan=ScenePlan(
            setting=Setting(ground="street", horizon=0.6, city=True),
            kinds=("car", "umbrella"),
            sides_px=(55, 85),
            marker_id="reef-museum",
            poster_share=0.36,
            camera_strength=0.6,
        ),
        expected_lens="coral-garden",
        why="the poster reef-museum belongs to this lens",
    ),
    ShowcaseFrame(
        name="open_sky",
        plan=ScenePlan(
            setting=Setting(ground="grass", horizon=0.58), kinds=("umbrella",), sides_px=(80, 95), camera_strength=0.6
        ),
        expected_lens="astronaut",
        why="sky weighs 0.8 for this lens, grass 0.6 for its nearest rival",
    ),
    ShowcaseFrame(
        name="coffee_break",
        plan=ScenePlan(
            setting=Setting(ground="table", horizon=0.55),
            kinds=("mug", "umbrella"),
            sides_px=(75, 100),
            camera_strength=0.6,
        ),
        expected_lens="steam-spirit",
        why="a mug on its cloth is a drink, which weighs 1.0 for this lens",
    ),
    ShowcaseFrame(
        name="city_night",
        plan=ScenePlan(
            setting=Setting(ground="street", horizon=0.6, city=True, night=True),
            kinds=("umbrella", "star"),
            sides_px=(60, 90),
            camera_strength=0.6,
        ),
        expected_lens="star-atlas",
        why="night weighs 1.0 for this lens, sky 0.8 for its nearest rival",
    ),
)
