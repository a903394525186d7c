"""Equal and similar pictures: within a split a warning, across splits an error, each with its nearest."""

from pathlib import Path

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.data_folder import picture, write_pictures

from scanml.datasets.coco import RawImage
from scanml.datasets.duplicates import exact_duplicates, near_duplicates
from scanml.datasets.scan import Scanned, scan


def raw(path):
    return RawImage(Path(path), Path(path).name, 3, 60, 40)


def looking(name, bits):
    """A scanned picture whose look is `bits` bool (256,)."""
    look = tuple(int(word) for word in np.packbits(bits).view(np.uint64))
    return Scanned(raw(name), (40, 60), name, look, np.zeros((0, 4), np.float32))


def test_equal_pixels_across_splits_are_an_error_and_within_one_a_warning(tmp_path):
    write_pictures(tmp_path, ["a.png", "b.png"])
    cv2.imwrite(str(tmp_path / "same.png"), picture(0)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    a, b, same = scan([raw(tmp_path / name) for name in ("a.png", "b.png", "same.png")], title="")
    assert list(exact_duplicates({"train": [a, b], "test": []})) == []
    (within,) = exact_duplicates({"train": [a, b, same]})
    assert (within.severity, within.where) == ("warning", "image 'same.png' in train")
    (across,) = exact_duplicates({"train": [a, b], "test": [same]})
    assert (across.severity, across.where) == ("error", "image 'same.png' in test")
    assert "'a.png' in train" in across.problem
    assert [spot.path.name for spot in across.spots] == ["same.png", "a.png"]
    assert not list(near_duplicates({"train": [a, b], "test": [same]}, max_bits=12))


def test_a_smaller_recompressed_copy_is_near(tmp_path):
    large = picture(0, (400, 600))
    cv2.imwrite(str(tmp_path / "a.png"), large)
    copy = cv2.resize(large, (300, 200), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "copy.jpg"), copy, [cv2.IMWRITE_JPEG_QUALITY, 80])
    write_pictures(tmp_path, ["b.png"], first_seed=9)
    images = {
        name: scan([RawImage(tmp_path / name, name, 1, 0, 0)], title="") for name in ("a.png", "b.png", "copy.jpg")
    }
    (found,) = near_duplicates({"train": images["a.png"] + images["b.png"], "test": images["copy.jpg"]}, max_bits=12)
    assert (found.severity, found.kind) == ("error", "near-duplicate in two splits")
    assert found.where == "image 'copy.jpg' in test"
    assert "'a.png' in train" in found.problem


def test_plain_pictures_have_no_look_of_their_own(tmp_path):
    for name, gray in (("black.png", 0), ("white.png", 255)):
        cv2.imwrite(str(tmp_path / name), np.full((40, 60, 3), gray, np.uint8))
    black, white = scan([raw(tmp_path / name) for name in ("black.png", "white.png")], title="")
    assert black.look == white.look
    assert not list(near_duplicates({"train": [black], "test": [white]}, max_bits=12))


def naive_pairs(placed, max_bits):
    """The oracle: every picture with the nearest earlier one of its own split and of the others, all compared."""
    pairs = set()
    for later, (name, split, bits) in enumerate(placed):
        for same in (True, False):
            near = [
                ((bits != other).sum(), name)
                for name, place, other in placed[:later]
                if (place == split) == same and (bits != other).sum() <= max_bits
            ]
            pairs |= {(name, same, min(near)[0])} if near else set()
    return pairs


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), max_bits=st.integers(0, 15))
def test_pairs_are_those_of_a_naive_search(seed, max_bits):
    rng = np.random.default_rng(seed)
    bits = [rng.random(256) < 0.5 for _ in range(5)]
    for _ in range(20):
        copy = bits[rng.integers(len(bits))].copy()
        copy[rng.choice(256, rng.integers(0, max_bits + 3), replace=False)] ^= True
        bits.append(copy)
    splits = np.sort(rng.integers(0, 3, len(bits)))
    placed = [
        (f"{i:02d}", ("train", "validation", "test")[s], b) for i, (s, b) in enumerate(zip(splits, bits, strict=True))
    ]
    split_of = {}
    for name, split, look in placed:
        split_of.setdefault(split, []).append(looking(name, look))
    found = near_duplicates(split_of, max_bits=max_bits)
    pairs = {(f.where[7:9], f.severity == "warning", int(f.problem.split()[2])) for f in found}
    assert pairs == naive_pairs(placed, max_bits)


def test_a_long_video_is_many_pairs_and_not_a_product_of_pairs():
    bits = np.random.default_rng(0).random(256) < 0.5
    frames = []
    for index in range(3000):
        bits[index % 256] ^= True
        frames.append(looking(f"{index:04d}", bits))
    found = list(near_duplicates({"train": frames[:1500], "test": frames[1500:]}, max_bits=12))
    assert sum(finding.severity == "error" for finding in found) >= 12
    assert len(found) <= 2 * len(frames)


def test_a_frame_of_a_long_video_is_found_again_in_another_split_however_early_it_was():
    bits = np.random.default_rng(0).random(256) < 0.5
    early = bits.copy()
    early[[3, 70, 200]] ^= True
    frames = []
    for index in range(1200):
        frames.append(looking(f"{index:04d}", bits))
        bits[index % 250] ^= True
    found = list(near_duplicates({"train": frames, "test": [looking("early", early)]}, max_bits=12))
    (leak,) = (finding for finding in found if finding.severity == "error")
    assert leak.where == "image 'early' in test"
    assert leak.problem == "differs in 3 of 256 bits of its look from '0000' in train."
