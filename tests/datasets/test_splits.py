"""Near-duplicates form groups as a naive search finds them; a group's split is its own, whatever is added around it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanml.datasets.config import DataConfig
from scanml.datasets.splits import assign_splits, group_near_duplicates, group_pictures
from scanml.errors import DataError

BOTH = ("validation", "test")


def random_looks(rng, count, *, copies, most_bits):
    """256-bit hashes as bool (N, 256): `count` at random and `copies` of earlier ones with a few bits flipped."""
    bits = [rng.random(256) < 0.5 for _ in range(count)]
    for _ in range(copies):
        copy = bits[rng.integers(len(bits))].copy()
        copy[rng.choice(256, rng.integers(0, most_bits + 1), replace=False)] ^= True
        bits.append(copy)
    return np.array(bits)[rng.permutation(len(bits))]


def words(bits):
    return [tuple(int(word) for word in row) for row in np.packbits(bits, axis=1).view(np.uint64)]


def naive_groups(bits, max_bits):
    """The oracle: all pairs, labels spread until nothing changes."""
    near = [[(a != b).sum() <= max_bits for b in bits] for a in bits]
    label = list(range(len(bits)))
    changed = True
    while changed:
        changed = False
        for i in range(len(bits)):
            least = min(label[j] for j in range(len(bits)) if near[i][j])
            changed |= least != label[i]
            label[i] = least
    return label


def partition(labels):
    return {frozenset(np.flatnonzero(np.asarray(labels) == label).tolist()) for label in set(map(int, labels))}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), max_bits=st.integers(0, 15))
def test_groups_are_those_of_a_naive_search(seed, max_bits):
    rng = np.random.default_rng(seed)
    bits = random_looks(rng, 8, copies=20, most_bits=max_bits + 2)
    groups = group_near_duplicates(words(bits), max_bits=max_bits)
    assert partition(groups) == partition(naive_groups(bits, max_bits))


def test_a_chain_of_neighbours_is_one_group():
    bits = np.zeros((5, 256), bool)
    for row in range(5):
        bits[row, : 12 * row] = True
    assert len(set(group_near_duplicates(words(bits), max_bits=12))) == 1
    assert len(set(group_near_duplicates(words(bits), max_bits=11))) == 5


def test_one_differing_bit_in_every_band_but_one_is_still_found():
    bits = np.zeros((2, 256), bool)
    bits[1, : 15 * 16 : 16] = True  # 15 bits, each in another band
    assert len(set(group_near_duplicates(words(bits), max_bits=15))) == 1


def test_plain_pictures_are_grouped_by_equal_pixels_alone():
    bits = np.zeros((6, 256), bool)
    bits[2:4] = np.random.default_rng(0).random(256) < 0.5
    bits[3, 5] ^= True
    bits[4:] = True
    groups = group_pictures(words(bits), ["a", "b", "c", "d", "e", "e"], max_bits=12)
    assert partition(groups) == {frozenset(group) for group in ([0], [1], [2, 3], [4, 5])}
    assert group_pictures([], [], max_bits=12).shape == (0,)


def test_no_pictures_have_no_groups():
    assert group_near_duplicates([], max_bits=12).shape == (0,)


def hashes(rng, count):
    return [rng.bytes(8).hex() for _ in range(count)]


def test_adding_pictures_moves_none(rng):
    old, new = hashes(rng, 200), hashes(rng, 300)
    config = DataConfig()
    before = assign_splits(old, np.arange(200), missing=BOTH, config=config)
    order = rng.permutation(500)
    after = assign_splits([(old + new)[i] for i in order], order, missing=BOTH, config=config)
    split_of = dict(zip(order.tolist(), after, strict=True))
    assert [split_of[index] for index in range(200)] == before


def test_groups_stay_together_and_shares_are_as_asked(rng):
    groups = rng.integers(0, 2000, 4000)
    config = DataConfig(validation_fraction=0.1, test_fraction=0.3)
    chosen = np.array(assign_splits(hashes(rng, 4000), groups, missing=BOTH, config=config))
    for group in np.unique(groups):
        assert len(set(chosen[groups == group])) == 1
    # binomial: four standard deviations of about 1730 groups
    assert np.mean(chosen == "validation") == pytest.approx(0.1, abs=0.03)
    assert np.mean(chosen == "test") == pytest.approx(0.3, abs=0.05)


def test_a_group_goes_by_its_content_and_not_by_its_number(rng):
    pixels, groups = hashes(rng, 60), rng.integers(0, 30, 60)
    first = assign_splits(pixels, groups, missing=BOTH, config=DataConfig())
    renamed = assign_splits(pixels, 1000 - groups, missing=BOTH, config=DataConfig())
    order = rng.permutation(60)
    shuffled = assign_splits([pixels[i] for i in order], groups[order], missing=BOTH, config=DataConfig())
    assert first == renamed
    assert [first[i] for i in order] == shuffled


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    count=st.integers(1, 8),
    missing=st.sampled_from([(), ("validation",), ("test",), BOTH]),
    fraction=st.sampled_from([0.01, 0.2, 0.49]),
)
def test_every_missing_split_and_train_get_something_or_it_is_refused(seed, count, missing, fraction):
    config = DataConfig(validation_fraction=fraction, test_fraction=fraction)
    pixels = hashes(np.random.default_rng(seed), count)
    if count < len(missing) + 1:
        with pytest.raises(DataError, match=rf"at least {len(missing) + 1} different pictures .* received {count}"):
            assign_splits(pixels, np.arange(count), missing=missing, config=config)
        return
    assert set(assign_splits(pixels, np.arange(count), missing=missing, config=config)) == {"train", *missing}


def test_nothing_missing_and_nothing_there_is_nothing():
    assert assign_splits([], np.zeros(0, np.int64), missing=(), config=DataConfig()) == []


def test_many_pictures_that_are_all_alike_are_one_group():
    bits = np.zeros((120, 256), bool)
    bits[np.arange(120), np.arange(120)] = True  # 7,140 pairs that differ in two bits
    assert len(set(group_near_duplicates(words(bits), max_bits=2))) == 1
    assert len(set(group_near_duplicates(words(bits), max_bits=1))) == 120
