import subprocess
import sys

from scanml.tracking import describe_environment, git_commit


def test_the_environment_names_what_decides_numbers():
    tags = describe_environment()
    assert tags["scanml.version.python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"scanml.version.keras", "scanml.version.numpy", "scanml.cores"} <= tags.keys()


def test_the_commit_of_a_work_tree_and_silence_elsewhere(tmp_path, monkeypatch):
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    assert git_commit(tmp_path) is None
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert git_commit(tmp_path) is None  # no commit yet
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "x"], cwd=tmp_path, check=True)
    assert len(git_commit(tmp_path)) == 40
    monkeypatch.setenv("PATH", "")
    assert git_commit(tmp_path) is None  # no git
    assert git_commit(tmp_path / "missing") is None
