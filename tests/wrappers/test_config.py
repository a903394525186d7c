import pytest

from scanml.errors import ConfigError
from scanml.wrappers import CronJobConfig
from scanml.wrappers.config import Place, place

GOOD = {"image": "scanml:1", "schedule": "0 3 * * *", "data": "pvc://photos/scan", "output": "pvc://runs"}


@pytest.mark.parametrize("schedule", ["0 3 * * *", "*/15 0-6 1,15 JAN MON-FRI", "@daily"])
def test_schedules(schedule):
    assert CronJobConfig(**GOOD | {"schedule": schedule}).schedule == schedule


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"schedule": "daily"}, "five fields"),
        ({"schedule": "0 3 * *"}, "five fields"),
        ({"schedule": "TZ=UTC 0 3 * * *"}, "five fields"),
        ({"schedule": "0 3 * * *\n"}, "five fields"),
        ({"image": "a b"}, "REPOSITORY/NAME:TAG"),
        ({"image": 3}, "CronJobConfig.image"),
        ({"data": "photos/"}, "does not see this machine's folders"),
        ({"data": "file:///photos"}, "does not see this machine's folders"),
        ({"data": "s3://"}, "s3://BUCKET/PATH"),
        ({"output": "pvc://"}, "the claim's name"),
        ({"output": "pvc://Runs/x"}, "the claim's name"),
        ({"output": "pvc://runs/../../etc"}, "without '..'"),
        ({"output": "pvc://photos/scan/out"}, "lies inside --data"),
        ({"output": "pvc://photos/scan"}, "lies inside --data"),
        ({"data": "pvc://photos", "output": "pvc://photos/out"}, "lies inside --data"),
        ({"data": "s3://b/photos", "output": "s3://b/photos/out"}, "lies inside --data"),
        ({"output": "s3://bucket/runs"}, "writes to a volume"),
        ({"tracking_uri": "http://u:secret@h"}, "MLFLOW_TRACKING_PASSWORD"),
        ({"tracking_uri": "postgresql://u:a@secret@h/db"}, r"--track postgresql://\*\*\*@h/db: "),
        ({"data": "s3://key:secret@bucket/photos"}, "expected a URI without credentials"),
        ({"schedule": "99 99 99 99 99"}, "the minute"),
    ],
)
def test_what_no_cluster_could_run_is_refused(changed, message):
    with pytest.raises(ConfigError, match=message):
        CronJobConfig(**GOOD | changed)


def test_one_claim_may_hold_both_side_by_side():
    assert CronJobConfig(**GOOD | {"output": "pvc://photos/scan-runs"})


def test_places():
    assert place("data", "pvc://photos/a//b/") == Place("photos", "a//b")
    assert place("data", "pvc://photos") == Place("photos", "")
    assert place("data", "gs://bucket/a/") == Place(None, "gs://bucket/a")
