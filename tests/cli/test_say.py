"""Hostile text reaches the terminal as text, whoever prints it."""

import json
import logging

import pytest
from oracles.data_folder import write_folder

from scanml.cli import main
from scanml.cli.say import PlainFormatter, plain, say

PWN = "\x1b]0;pwn\x07"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a → b, 95 % … é 漢\tc\nd", "a → b, 95 % … é 漢\tc\nd"),
        (PWN, r"\x1b]0;pwn\x07"),
        ("\x9b2J\x7f\r\x00", r"\x9b2J\x7f\r\x00"),  # C1: one byte that begins a command, too
        ("gpj.\u202eexe\u2066", r"gpj.\u202eexe\u2066"),  # reads backward
        ("\udcff\u2028", r"\udcff\u2028"),
    ],
)
def test_only_what_a_terminal_obeys_is_written_out(text, shown, capsys):
    assert plain(text) == shown
    say(text, to_stderr=True)
    say(text)
    assert capsys.readouterr() == (f"{shown}\n", f"{shown}\n")


def test_the_log_is_plain():
    record = logging.LogRecord("scanml", logging.WARNING, "here", 1, "no %s", (PWN,), None)
    assert PlainFormatter("%(message)s").format(record) == r"no \x1b]0;pwn\x07"


def test_a_file_name_of_escapes_is_a_reason_in_text(tmp_path, capsys):
    labels = write_folder(tmp_path / "data", instances=4) / "instances.json"
    values = json.loads(labels.read_text())
    values["images"][0]["file_name"] = f"{PWN}.jpg"
    labels.write_text(json.dumps(values))
    words = ["validate", "--config", "detect", "--in", f"data={tmp_path / 'data'}", "--out", str(tmp_path / "out")]
    assert main(words) == 3
    said = "".join(capsys.readouterr())
    assert "\x1b" not in said and "\x07" not in said
    assert "pwn" in said
