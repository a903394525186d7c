"""The catalogue of the drawn world: twelve lenses, tied to triggers, objects and posters."""

from __future__ import annotations

from scanml.structures.lens import Lens, LensCatalog

# A trigger's weights over the lenses form a ladder (drink and night over party over sky over water and grass over the
# rest), so that where several triggers are true at once, one lens still comes first.
LENSES = LensCatalog(
    (
        Lens("astronaut", "Astronaut", triggers={"sky": 0.8}, popularity=0.72),
        Lens("star-atlas", "Star atlas", triggers={"night": 1.0}, objects=("star",), popularity=0.41),
        Lens("steam-spirit", "Steam spirit", triggers={"drink": 1.0}, objects=("mug",), popularity=0.55),
        Lens("soda-fizz", "Soda fizz", triggers={"drink": 0.6}, objects=("bottle",), popularity=0.38),
        Lens("confetti-cannon", "Confetti cannon", triggers={"party": 0.95}, objects=("balloon",), popularity=0.66),
        Lens("aquarium", "Aquarium", triggers={"water": 0.65}, objects=("fish",), popularity=0.47),
        Lens("flower-crown", "Flower crown", triggers={"grass": 0.6}, objects=("flower",), popularity=0.9),
        Lens("neon-racer", "Neon racer", triggers={"city": 0.5}, objects=("car",), popularity=0.52),
        Lens("fireside-cat", "Fireside cat", triggers={"indoor": 0.45}, popularity=0.81),
        Lens("moonwalk-stage", "Moonwalk stage", triggers={"night": 0.3}, marker_ids=("moon-concert",), popularity=0.2),
        Lens("coral-garden", "Coral garden", triggers={"water": 0.5}, marker_ids=("reef-museum",), popularity=0.24),
        Lens("summit-sled", "Summit sled", triggers={"drink": 0.4}, marker_ids=("peak-cola",), popularity=0.17),
    )
)
