import random

import pytest

from scanml.errors import ConfigError
from scanml.wrappers.schedule import check_schedule

RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]


@pytest.mark.parametrize(
    "schedule",
    [
        "0 3 * * *",
        "59 23 31 12 6",
        "*/15 0-6/2 1,15,20-31 JAN,mar-Dec MON-FRI",
        "5/10 ? ? * sun",
        "@daily",
        "0 0 1 1 0",
    ],
)
def test_what_kubernetes_takes(schedule):
    check_schedule(schedule)


def test_the_ends_of_every_field():
    """Numbers drawn beside a table of their own: one out of range is found, whichever it is."""
    rng = random.Random(5)
    for _ in range(200):
        numbers = [rng.randint(low, high) for low, high in RANGES]
        check_schedule(" ".join(map(str, numbers)))
        wrong = rng.randrange(5)
        numbers[wrong] = rng.choice([RANGES[wrong][0] - 1 or 60, RANGES[wrong][1] + 1, 99])
        with pytest.raises(ConfigError):
            check_schedule(" ".join(map(str, numbers)))


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("99 99 99 99 99", "the minute must be in 0-59, received '99'"),
        ("0 24 * * *", "the hour must be in 0-23"),
        ("0 0 0 * *", "the day of the month must be in 1-31"),
        ("0 0 * 13 *", "the month must be in 1-12 or jan-dec"),
        ("0 0 * * 7", "the day of the week must be in 0-6 or sun-sat, received '7'"),
        ("0 0 * january *", "the month"),
        ("mon 0 * * *", "the minute"),
        ("30-10 * * * *", "the minute"),
        ("*/0 * * * *", "the minute"),
        ("*-5 * * * *", "the minute"),
        ("1,,2 * * * *", "the minute"),
        ("1- * * * *", "the minute"),
        ("1/2/3 * * * *", "the minute"),
        ("\u0663 * * * *", "the minute"),  # a digit, but not one of Kubernetes'
        ("0  3 * * *", "five fields"),
        ("@often", "five fields"),
    ],
)
def test_what_kubernetes_does_not_take(schedule, message):
    with pytest.raises(ConfigError, match=message):
        check_schedule(schedule)
