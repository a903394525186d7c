"""What the command line says: a file's name or a label decides what is said, never what the terminal does."""

from __future__ import annotations

import logging
import sys
import unicodedata

# Control characters (a terminal's commands), format characters (such as those that turn the reading direction), halves
# of surrogate pairs (bytes of a file name that are no text) and the two separators that some take for a new line.
_NOT_SHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def say(text: object = "", *, to_stderr: bool = False) -> None:
    """Print a line for people, made `plain`."""
    print(plain(str(text)), file=sys.stderr if to_stderr else sys.stdout)


def plain(text: str) -> str:
    r"""The text with what a terminal would obey, or not show, as Python writes it; lines and tabs stay.

    >>> plain("a\x1b]0;b\x07.jpg")
    'a\\x1b]0;b\\x07.jpg'
    """
    return "".join(char.encode("unicode_escape").decode() if _is_hidden(char) else char for char in text)


def _is_hidden(char: str) -> bool:
    return char not in "\n\t" and unicodedata.category(char) in _NOT_SHOWN


class PlainFormatter(logging.Formatter):
    """Log records made `plain`, whatever they quote."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's message and traceback."""
        return plain(super().format(record))
