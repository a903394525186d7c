import pytest

from scanml.tracking.limits import fit_key, fit_tags, fit_text, flatten


def test_nested_values_get_dotted_names_and_nothing_vanishes():
    nested = {"train": {"optimizer": {"rate": 0.1}, "steps": 7}, "rules": [], "extra": {}, "seed": None}
    assert dict(flatten(nested)) == {
        "train.optimizer.rate": 0.1,
        "train.steps": 7,
        "rules": [],
        "extra": {},
        "seed": None,
    }


@pytest.mark.parametrize(
    ("name", "fitted"),
    [
        ("AP@.5", "AP_.5"),
        ("AP/hot dog", "AP/hot dog"),
        ("a//b", "a__b"),
        ("../x", "_x"),
        ("/x", "_x"),
        (".", "_"),
        ("", "_"),
    ],
)
def test_names_become_what_mlflow_takes(name, fitted):
    assert fit_key(name) == fitted


@pytest.mark.parametrize(
    "name", ["AP@.5", "a//b", "../x", "/x", ".", "", "x/", "a/./b", "né e", "x" * 300, "...", "./", "-/.."]
)
def test_mlflow_agrees(name):
    validation = pytest.importorskip("mlflow.utils.validation")
    validation._validate_metric_name(fit_key(name))


def test_long_text_is_cut_visibly():
    assert fit_text("x" * 10, limit=5) == "xxxx…"
    assert fit_text([1, "a"], limit=50) == '[1, "a"]'
    assert fit_text(None, limit=50) == "null"
    assert len(fit_tags({"k": "x" * 9000})["k"]) == 8000
