import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanml.errors import ConfigError
from scanml.wrappers.names import check_image, kubernetes_name

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")  # RFC 1123


@given(st.from_regex(r"[\w.-]{1,64}", fullmatch=True))
def test_every_experiment_has_a_name_that_kubernetes_takes(name):
    found = kubernetes_name(name, max_length=52)
    assert LABEL.fullmatch(found) and len(found) <= 52


def test_names_are_cut_where_no_hyphen_is_left():
    assert kubernetes_name("ab-cd", max_length=3) == "ab"
    assert kubernetes_name("...", max_length=52) == "scanml"


@pytest.mark.parametrize("image", ["scanml", "r.local:5000/team/scanml:1.2-gpu", "scanml@sha256:0a1b"])
def test_images(image):
    check_image(image)


@pytest.mark.parametrize("image", ["", "a b", "-v", "scanml\n", "scanml;id", "$(X)", "bücher"])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ConfigError, match="REPOSITORY/NAME:TAG"):
        check_image(image)
