"""Misfits that packages' metadata can tell."""

import sys

import pytest

from scanml.cli.doctor.packages import check_keras_backend, check_opencv, check_python, check_requirements, versions


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Write a package's metadata where it alone is seen."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    def write(name, version, *requires, python=">=3.11"):
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Requires-Python: {python}"]
        (folder / "METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {text}" for text in requires)]) + "\n")

    return write


def test_an_environment_that_fits(install):
    install("scanml", "0.1.0", "numpy>=2", "pytest>=8; extra == 'dev'", "winonly; sys_platform == 'plan9'")
    install("numpy", "2.4.0rc1")
    install("opencv-python", "4.10")
    assert [check.level for check in (check_python(), *check_requirements(), check_opencv())] == ["ok"] * 3
    assert versions().found == "scanml 0.1.0, numpy 2.4.0rc1"


def test_a_misfit_deep_below_is_named_with_its_remedy(install):
    install("scanml", "0.1.0", "tensorflow>=2.20", "Some_Thing")
    install("tensorflow", "2.21", "numpy>=2", "protobuf<8,>=6.31", "not a requirement!!")
    install("some-thing", "1", "numpy<2", "gone")
    install("numpy", "2.1")
    install("protobuf", "5.29")
    checks = check_requirements()
    assert {check.found for check in checks} == {
        "tensorflow needs protobuf<8,>=6.31, protobuf 5.29",
        "some-thing needs numpy<2, numpy 2.1",
        "some-thing needs gone, gone is not installed",
    }
    assert all(check.level == "problem" and "-m pip install" in check.remedy for check in checks)


@pytest.mark.parametrize(
    ("installed", "level"),
    [
        ({"opencv-python-headless": "5.0"}, "ok"),
        ({}, "problem"),
        ({"opencv-python-headless": "5.0", "opencv-python": "5.0"}, "warning"),
        ({"opencv-python-headless": "5.0", "opencv-contrib-python": "4.9"}, "problem"),
    ],
)
def test_two_opencvs_are_told(install, installed, level):
    for name, version in installed.items():
        install(name, version)
    check = check_opencv()
    assert check.level == level
    assert all(name in check.found for name in installed)
    assert (level == "ok") == (check.remedy == "")


def test_a_python_that_scanml_is_not_made_for(install):
    install("scanml", "0.1.0", python="<3")
    assert check_python().level == "problem"


@pytest.mark.parametrize(
    ("file", "variable", "found", "level"),
    [
        (None, None, "tensorflow (default)", "ok"),
        ('{"backend": "jax"}', None, "jax", "ok"),
        ('{"backend": "torch"}', None, "torch", "warning"),
        ('{"backend": "torch"}', "jax", "jax (KERAS_BACKEND)", "ok"),
        ("{", None, "is not JSON", "problem"),
        ("[]", None, "is not JSON", "problem"),
    ],
)
def test_the_backend_that_keras_takes(tmp_path, file, variable, found, level):
    if file is not None:
        (tmp_path / "keras.json").write_text(file)
    environment = {"KERAS_HOME": str(tmp_path)} | ({"KERAS_BACKEND": variable} if variable else {})
    check = check_keras_backend(environment)
    assert found in check.found and check.level == level
