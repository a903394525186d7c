"""A place says which triggers it shows."""

import numpy as np
import pytest

from scanml.datasets.synthetic.backgrounds import Setting, choose_setting, draw_background


@pytest.mark.parametrize(
    ("setting", "triggers"),
    [
        (Setting(ground="table", horizon=0.5), {"indoor"}),
        (Setting(ground="grass", horizon=0.0), {"grass"}),
        (Setting(ground="pond", horizon=0.4), {"grass", "water", "sky"}),
        (Setting(ground="beach", horizon=0.4, night=True), {"water", "sky", "night"}),
        (Setting(ground="street", horizon=0.4, city=True, party=True), {"sky", "city", "party"}),
    ],
)
def test_triggers_follow_from_the_place(setting, triggers):
    assert setting.triggers == triggers


def test_places_are_drawn_in_the_size_asked_for():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        picture = draw_background(rng, choose_setting(rng), image_size=(120, 160))
        assert picture.shape == (120, 160, 3)
        assert np.isfinite(picture).all()


def test_night_and_city_need_a_sky():
    for seed in range(200):
        setting = choose_setting(np.random.default_rng(seed))
        assert "sky" in setting.triggers or not (setting.night or setting.city)


def test_night_is_darker_than_day():
    def brightness(night):
        setting = Setting(ground="grass", horizon=0.9, night=night)
        pictures = [draw_background(np.random.default_rng(s), setting, image_size=(240, 320)) for s in range(5)]
        return np.mean([picture[:210].mean() for picture in pictures])

    assert brightness(True) < 0.5 * brightness(False)
