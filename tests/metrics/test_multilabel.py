import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, f1_score

from scanml.errors import DataError
from scanml.metrics import (
    TriggerTable,
    average_precision,
    best_threshold,
    expected_calibration_error,
    f1,
    frequency_groups,
    multilabel_metrics,
    multilabel_values,
    trigger_thresholds,
)


def random_table(rng, *, num_images=40, ties=True):
    names = ("sky", "drink", "face", "never")
    present = rng.random((num_images, 4)) < [0.5, 0.3, 0.2, 0.0]
    scores = np.clip(rng.normal(0.3 + 0.3 * present, 0.25), 0, 1)
    known = rng.random((num_images, 4)) < 0.8
    return TriggerTable(names, scores.round(1) if ties else scores, present, known)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(1, 25).flatmap(lambda n: st.tuples(
    arrays(np.float64, n, elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9])),
    arrays(np.bool_, n),
    arrays(np.int64, n, elements=st.integers(0, 3)),
)))  # fmt: skip
def test_same_as_sklearn_with_ties_and_weights(case):
    scores, present, weights = case
    ours = average_precision(scores, present, weights=weights)
    decision = f1(scores, present, threshold=0.25, weights=weights)
    if not weights[present].sum():
        assert np.isnan(ours)
        assert np.isnan(decision)
        return
    assert ours == pytest.approx(average_precision_score(present, scores, sample_weight=weights), abs=1e-12)
    assert decision == pytest.approx(f1_score(present, scores >= 0.25, sample_weight=weights), abs=1e-12)


def test_what_nobody_looked_for_does_not_count(rng):
    table = random_table(rng)
    flipped = TriggerTable(table.names, table.scores, table.present ^ ~table.known, table.known)
    once = np.ones((1, 40), int)
    values = multilabel_values(table, thresholds=0.5, weights=once)
    for name, value in multilabel_values(flipped, thresholds=0.5, weights=once).items():
        np.testing.assert_array_equal(value, values[name])
    rows = table.known[:, 0]
    expected = average_precision_score(table.present[rows, 0], table.scores[rows, 0])
    assert values["AP/sky"][0] == pytest.approx(expected, abs=1e-12)
    alone = average_precision(table.scores[:, 0], table.present[:, 0], known=rows)
    assert alone == pytest.approx(expected, abs=1e-12)
    assert f1(table.scores[:, 0], table.present[:, 0], threshold=0.5, known=rows) == values["F1/sky"][0]


def test_means_leave_out_what_is_undefined(rng):
    table = random_table(rng)
    thresholds = (0.4, 0.5, 0.6, 0.5)
    values = multilabel_values(table, thresholds=thresholds, weights=np.ones((1, 40), int))
    assert np.isnan(values["AP/never"][0])
    assert np.isnan(values["F1/never"][0])
    defined = table.names[:3]
    assert values["mAP"][0] == pytest.approx(np.mean([values[f"AP/{name}"][0] for name in defined]))
    f1s = []
    for column in range(3):
        rows = table.known[:, column]
        f1s.append(f1_score(table.present[rows, column], table.scores[rows, column] >= thresholds[column]))
    assert values["F1"][0] == pytest.approx(np.mean(f1s), abs=1e-12)
    pooled = expected_calibration_error(table.scores[table.known], table.present[table.known])
    assert values["ECE"][0] == pooled


def test_weights_repeat_images(rng):
    table = random_table(rng)
    weights = rng.integers(0, 4, (5, 40))
    values = multilabel_values(table, thresholds=0.5, weights=weights)
    for row, counts in enumerate(weights):
        order = np.repeat(np.arange(40), counts)
        repeated = TriggerTable(table.names, table.scores[order], table.present[order], table.known[order])
        expected = multilabel_values(repeated, thresholds=0.5, weights=np.ones((1, len(order)), int))
        for name, value in expected.items():
            np.testing.assert_allclose(values[name][row], value[0], rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_beats_the_best(seed):
    table = random_table(np.random.default_rng(seed), ties=seed % 2 == 0)
    once = np.ones((1, 40), int)

    def macro(threshold):
        return multilabel_values(table, thresholds=threshold, weights=once)["F1"][0]

    best = best_threshold(table)
    assert macro(best) == pytest.approx(max(macro(t) for t in np.unique(table.scores)), abs=1e-12)
    assert best not in table.scores[:, :3]  # midway between two scores


def drawn_alike(rng, *, positives, known=True):
    """Two triggers: "many", 400 of each kind and best at 0.3, and "few" with `positives`, best at 0.9."""
    present, scores = np.zeros((800, 2), bool), np.zeros((800, 2))
    present[:400, 0], present[:positives, 1] = True, True
    for column, best in enumerate((0.3, 0.9)):
        scores[:, column] = best + np.where(present[:, column], 0.09, -0.09) * rng.uniform(0.1, 1, 800)
    looked = np.full((800, 2), True)
    looked[:positives, 1] = known
    return TriggerTable(("many", "few"), scores, present, looked)


def test_thresholds_follow_many_positives_and_leave_few_near_the_common_one(rng):
    def own(table, column):
        parts = (values[:, [column]] for values in (table.scores, table.present, table.known))
        return best_threshold(TriggerTable(table.names[column : column + 1], *parts))

    for positives in (1, 5, 400):
        table = drawn_alike(rng, positives=positives)
        common, found = best_threshold(table), trigger_thresholds(table)
        logits = [np.log(t / (1 - t)) for t in (found[1], common, own(table, 1))]
        weight = positives / (positives + 5)
        assert logits[0] == pytest.approx((1 - weight) * logits[1] + weight * logits[2], abs=1e-9)
        assert found[0] == pytest.approx(own(table, 0), abs=0.02)  # 400 of 405 parts its own


def test_a_threshold_without_known_positives_is_the_common_one(rng):
    table = drawn_alike(rng, positives=40, known=False)
    assert trigger_thresholds(table)[1] == pytest.approx(best_threshold(table), abs=1e-12)
    shown = TriggerTable(table.names, table.scores, table.present & table.known, table.known)
    np.testing.assert_array_equal(trigger_thresholds(table), trigger_thresholds(shown))  # what is unknown is masked


def test_thresholds_stay_within_zero_and_one():
    sure = np.array([[0.0], [1.0]])
    table = TriggerTable(("a",), sure, np.array([[True], [True]]), np.array([[True], [True]]))
    assert 0 < trigger_thresholds(table)[0] < 1


@pytest.mark.parametrize("seed", range(20))
def test_rounding_loses_no_positive(seed):
    rng = np.random.default_rng(seed)  # 8 of 9 pictures show it: often it is best to accept all
    present = rng.permutation(np.arange(9) > 0)[:, None]
    table = TriggerTable(("a",), rng.random((9, 1)), present, np.ones((9, 1)))
    with_margin = best_threshold(table)
    stored = trigger_thresholds(table).astype(np.float32)  # as a model keeps it
    np.testing.assert_array_equal(table.scores >= stored, table.scores >= with_margin)
    assert with_margin not in table.scores


def test_groups_are_cut_where_the_field_cuts_them(rng):
    groups = frequency_groups(np.array([0, 19, 20, 99, 100, 5000]))
    assert [list(np.flatnonzero(members)) for members in groups.values()] == [[4, 5], [2, 3], [0, 1]]
    assert list(groups) == ["head", "medium", "tail"]


def test_mean_average_precision_of_each_group(rng):
    table = random_table(rng)
    counted = TriggerTable(table.names, table.scores, table.present, table.known, train_positives=[300, 7, 9, 50])
    metrics = multilabel_metrics(counted, thresholds=0.5, num_resamples=50)
    plain = multilabel_metrics(table, thresholds=0.5, num_resamples=50)
    assert {name: metrics[name] for name in plain} == plain
    assert metrics["mAP/head"].value == pytest.approx(plain["AP/sky"].value)
    assert metrics["mAP/tail"].value == pytest.approx(np.mean([plain["AP/drink"].value, plain["AP/face"].value]))
    assert metrics["mAP/tail"].low < metrics["mAP/tail"].value < metrics["mAP/tail"].high
    assert metrics["mAP/tail"].num_units == 40
    assert metrics["mAP/medium"].value is None  # "never" has no positive in this set
    with pytest.raises(DataError, match="train_positives must be at least 0"):
        TriggerTable(table.names, table.scores, table.present, table.known, train_positives=[1, 1, 1, -1])


def test_without_positives_the_threshold_is_a_half():
    nobody = TriggerTable(("a",), np.array([[0.9]]), np.array([[True]]), np.array([[False]]))
    assert best_threshold(nobody) == 0.5
    metrics = multilabel_metrics(nobody, thresholds=0.5, num_resamples=10)
    assert all(metric.value is None for metric in metrics.values())


def test_metrics_carry_interval_and_number_of_images(rng):
    table = random_table(rng)
    metrics = multilabel_metrics(table, thresholds=0.5, num_resamples=200)
    assert list(metrics)[:3] == ["mAP", "F1", "ECE"]
    assert set(metrics) == {"mAP", "F1", "ECE"} | {f"{k}/{n}" for k in ("AP", "F1") for n in table.names}
    assert metrics["mAP"].low < metrics["mAP"].value < metrics["mAP"].high
    assert metrics["mAP"].num_units == 40
    assert metrics["AP/drink"].num_units == table.known[:, 1].sum()
    assert metrics == multilabel_metrics(table, thresholds=0.5, num_resamples=200)


def test_perfect_scores_are_one_and_an_empty_table_undefined(rng):
    present = rng.random((30, 2)) < 0.5
    perfect = TriggerTable(("a", "b"), present.astype(float), present, np.ones((30, 2), bool))
    values = multilabel_values(perfect, thresholds=0.5, weights=np.ones((1, 30), int))
    assert (values["mAP"][0], values["F1"][0], values["ECE"][0]) == (1, 1, 0)
    empty = TriggerTable(("a",), np.zeros((0, 1)), np.zeros((0, 1)), np.zeros((0, 1)))
    assert all(metric.value is None for metric in multilabel_metrics(empty, thresholds=0.5, num_resamples=5).values())


def test_bad_input_is_refused(rng):
    with pytest.raises(DataError, match="sigmoid"):
        TriggerTable(("a",), np.array([[1.5]]), np.array([[True]]), np.array([[True]]))
    with pytest.raises(DataError, match=r"TriggerTable.known must have shape \(1, 1\)"):
        TriggerTable(("a",), np.array([[0.5]]), np.array([[True]]), np.array([[True, True]]))
    with pytest.raises(DataError, match="one per image"):
        multilabel_values(random_table(rng), thresholds=0.5, weights=np.ones((1, 3), int))
