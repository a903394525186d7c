"""When a CronJob runs, as Kubernetes reads it (robfig/cron v3, its ParseStandard): what it refuses is refused here."""

from __future__ import annotations

import re

from scanml.errors import ConfigError

_SHORTHANDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]  # a 7 for Sunday is other crons'
_FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (  # title, least, most, names from `least` on
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of the month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
_PART = re.compile(r"(?:[*?]|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>[0-9]{1,4}))?")


def check_schedule(schedule: str) -> None:
    """Cron's five fields, each `*` or a list of numbers, names, ranges and steps; or a shorthand such as @daily.

    Raises:
        ConfigError: it is none, or a field is out of its range.
    """
    if schedule in _SHORTHANDS:
        return
    words = schedule.split(" ")
    if len(words) != len(_FIELDS) or not all(re.fullmatch(r"[\w*,/?-]+", word) for word in words):
        raise ConfigError(f"--schedule: expected five fields such as '0 3 * * *', received {schedule!r}.")
    for word, (title, least, most, names) in zip(words, _FIELDS, strict=True):
        if not all(_fits(part, least, most, names) for part in word.split(",")):
            named = f" or {names[0]}-{names[-1]}" if names else ""
            raise ConfigError(
                f"--schedule {schedule!r}: the {title} must be in {least}-{most}{named}, received {word!r}."
            )


def _fits(part: str, least: int, most: int, names: list[str]) -> bool:
    """Whether `part` is `*`, a value or a range that does not run backward, perhaps with a step."""
    found = _PART.fullmatch(part)
    if found is None or (found["step"] is not None and int(found["step"]) == 0):
        return False
    values = [_value(word, least, names) for word in (found["low"], found["high"]) if word is not None]
    return values == sorted(values) and all(least <= value <= most for value in values)


def _value(word: str, least: int, names: list[str]) -> int:
    """The number that `word` is or names; -1, which no field takes, for any other word."""
    if word.lower() in names:
        return least + names.index(word.lower())
    return int(word) if re.fullmatch(r"[0-9]{1,4}", word) else -1
