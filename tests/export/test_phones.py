"""LiteRT files: run by plain LiteRT, as near to the model as promised, described in the manifest, refused beyond."""

import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from oracles.tiny_scene import encode, textured, tiny_model, write_once

from scanml.datasets import decode_image
from scanml.errors import ArtifactError, ConfigError, GateError
from scanml.export import add_phones, open_bundle
from scanml.export.litert import PRECISIONS
from scanml.export.phone_parity import LIMITS, PhoneParity, ask_in_memory, compare_all, measure_parity, refuse_beyond

TASKS = ("detector", "classifier")
IMAGES = {f"photo {i}": encode(textured(np.random.default_rng(i), 120, 90), "JPEG") for i in range(4)}


@pytest.fixture(scope="module")
def phones(bundle_folder, tmp_path_factory):
    """The tiny bundle with files for phones. Nobody may change it."""

    def write(folder):
        add_phones(open_bundle(shutil.copytree(bundle_folder, folder)), tiny_model(), IMAGES)

    return write_once(tmp_path_factory, "tiny_phones", write)


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def runner(path):
    return Interpreter(model_path=str(path)).get_signature_runner("serving_default")


def test_the_manifest_describes_files_that_are_there(phones):
    bundle = open_bundle(phones)
    assert [phone.task for phone in bundle.manifest.phones] == list(TASKS)
    for phone in bundle.manifest.phones:
        assert set(phone.networks) == set(PRECISIONS)
        for precision, network in phone.networks.items():
            assert bundle.manifest.files[network.file]
            assert (phones / network.file).stat().st_size == network.num_bytes
            assert network.input_dtype == ("uint8" if precision == "int8" else "float32")
            assert set(network.parity) == set(PhoneParity.__dataclass_fields__)
            assert network.parity["num_images"] == 2  # the ranges come from the two others
        sizes = [phone.networks[precision].num_bytes for precision in PRECISIONS]
        assert sizes[1] < 0.6 * sizes[0] and sizes[2] < 0.4 * sizes[0]
    assert not list(phones.glob("**/.*.new"))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_app_gets_what_the_manifest_promises(phones, task, precision):
    phone = next(p for p in open_bundle(phones).manifest.phones if p.task == task)
    network = runner(phones / phone.networks[precision].file)
    details = network.get_input_details()["image"]
    assert details["dtype"].__name__ == phone.networks[precision].input_dtype
    assert f"{tuple(int(side) for side in details['shape'])}" in phone.input
    outputs = network(image=np.full(details["shape"], 114, details["dtype"]))
    answer = runner(phones / phone.answer)(**outputs)
    assert answer.keys() == phone.outputs.keys()
    for name, value in answer.items():
        assert phone.outputs[name].startswith(f"{value.dtype} (1,")


def test_no_network_needs_more_than_litert_has(phones):
    for path in (phones / "phone").iterdir():
        names = {operation["op_name"] for operation in Interpreter(model_path=str(path))._get_ops_details()}
        assert not [name for name in names if name.startswith(("Flex", "CUSTOM"))]


@pytest.mark.parametrize("task", TASKS)
def test_the_integer_network_computes_with_integers(phones, task):
    interpreter = Interpreter(model_path=str(phones / "phone" / f"{task}_int8.tflite"))
    interpreter.allocate_tensors()
    kinds = {tensor["index"]: tensor["dtype"].__name__ for tensor in interpreter.get_tensor_details()}
    for operation in interpreter._get_ops_details():
        if operation["op_name"] not in ("DEQUANTIZE", "DELEGATE"):
            assert {kinds[int(index)] for index in operation["outputs"]} <= {"int8", "uint8"}


def test_what_a_trigger_implies_is_at_least_as_likely_on_the_phone(phones):
    read = runner(phones / "phone" / "classifier_answer.tflite")
    for sky, drink in ((1.0, 2.0), (2.0, 1.0), (-9.0, 9.0)):
        found = read(trigger_logits=np.array([[sky, drink]], np.float32))["trigger_probabilities"][0]
        assert found[0] >= found[1]
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-np.array([max(sky, drink), drink]))), rtol=1e-5)  # float32


def test_another_model_is_measured_as_another(phones):
    frames = np.stack([textured(np.random.default_rng(i), 64, 96) for i in range(2)])
    files = (phones / "phone" / name for name in ("detector_float32.tflite", "detector_answer.tflite"))
    parity = measure_parity(*files, frames, ask_in_memory(tiny_model(seed=1, classifier=False).detector, frames))
    assert parity.agreement < 0.9
    with pytest.raises(GateError, match=r"detector_float32 differs from the model in memory on 2 pictures: agreement"):
        refuse_beyond(parity, "float32", where="detector_float32")


def answer(scores=(0.9, 0.5, 0.0), shift=0.0, labels=(0, 1, 0), triggers=(0.5, 0.1)):
    boxes = np.array([[0, 0, 20, 20], [30, 0, 50, 20], [0, 0, 0, 0]], np.float32) + shift
    scores, triggers = np.array(scores, np.float32), np.array(triggers, np.float32)
    return {"boxes": boxes, "scores": scores, "labels": np.array(labels), "trigger_probabilities": triggers}


def test_partners_are_the_same_object_seen_alike():
    same = compare_all([(answer(), answer())])
    assert same == PhoneParity(
        num_images=1, num_detections=4, agreement=1.0, box_px=0.0, score=0.0, trigger_probability=0.0
    )
    near = compare_all([(answer(), answer((0.8, 0.3, 0.0), shift=2.0, triggers=(0.5, 0.2)))])
    assert near.agreement == 1.0 and near.box_px == 2.0
    assert near.score == pytest.approx(0.2, abs=0.016) and near.trigger_probability == pytest.approx(0.095)
    assert compare_all([(answer(), answer(labels=(0, 0, 0)))]).agreement == 0.5
    assert compare_all([(answer(), answer((0.9, 0.24, 0.0)))]).agreement == 2 / 3  # 0.5 has no 0.25 on the other side
    assert compare_all([(answer(), answer(shift=15.0))]).agreement == 0.0
    nothing = answer((0.0, 0.0, 0.0))
    assert compare_all([(nothing, nothing)]).agreement == 1.0


GOOD = PhoneParity(num_images=9, num_detections=9, agreement=1.0, box_px=0.0, score=0.0, trigger_probability=0.0)


@pytest.fixture
def convert_nothing(monkeypatch):
    """Empty files in place of LiteRT's, all perfect; holds the frames that "ranges" and "proofs" came from last."""
    asked = {}

    def write_networks(network, frames, places):
        asked["ranges"] = frames
        for place in places.values():
            place.touch()

    def measure_parity(network, reading, frames, expected):
        asked["proofs"] = frames
        assert len(expected) == len(frames)
        return GOOD

    monkeypatch.setattr("scanml.export.phones.write_networks", write_networks)
    monkeypatch.setattr("scanml.export.phones.write_answer", lambda network, place: place.touch())
    monkeypatch.setattr("scanml.export.phones.measure_parity", measure_parity)
    return asked


def test_a_difference_beyond_a_limit_is_refused_by_its_numbers():
    for precision, limits in LIMITS.items():
        refuse_beyond(GOOD, precision, where="file")
        refuse_beyond(replace(GOOD, agreement=limits.agreement), precision, where="file")
        for name in ("box_px", "score", "trigger_probability"):
            limit = getattr(limits, name)
            if np.isfinite(limit):
                with pytest.raises(GateError, match=f"file differs .* on 9 pictures: {name} .*, allowed is"):
                    refuse_beyond(replace(GOOD, **{name: limit * 1.1}), precision, where="file")
    with pytest.raises(GateError, match=r"agreement 0\.800, at least 0\.9 is needed; train with more validation"):
        refuse_beyond(replace(GOOD, agreement=0.8), "int8", where="file")
    with pytest.raises(GateError, match=r"score nan, allowed is 0\.01; export without --format litert"):
        refuse_beyond(replace(GOOD, score=float("nan")), "float16", where="file")


def test_without_pictures_or_interpreter_nothing_is_converted(bundle_folder, tmp_path, monkeypatch):
    bundle = open_bundle(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    before = files_of(bundle.folder)
    monkeypatch.setattr("scanml.export.phones.write_networks", lambda *_: pytest.fail("minutes of conversion"))
    with pytest.raises(GateError, match="need validation pictures"):
        add_phones(bundle, tiny_model(), {})
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ConfigError, match=r"pip install 'scanml\[phones\]'"):
        add_phones(bundle, tiny_model(), IMAGES)
    assert files_of(bundle.folder) == before and not (bundle.folder / "phone").exists()


def test_a_bundle_whose_files_for_phones_fail_is_as_it_was(bundle_folder, tmp_path, convert_nothing, monkeypatch):
    bundle = open_bundle(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    before = files_of(bundle.folder)
    with monkeypatch.context() as patched, pytest.raises(GateError, match=r"detector_float32\.tflite differs"):
        patched.setattr("scanml.export.phones.measure_parity", lambda *_: replace(GOOD, agreement=0.0))
        add_phones(bundle, tiny_model(), IMAGES)
    assert files_of(bundle.folder) == before and not (bundle.folder / "phone").exists()
    assert open_bundle(bundle.folder) == bundle
    assert add_phones(bundle, tiny_model(), IMAGES) == open_bundle(bundle.folder)  # the way is free for the next


@pytest.mark.parametrize(("count", "ranges", "proofs"), [(4, [0, 2], [1, 3]), (3, [0, 2], [1]), (1, [0], [0])])
def test_ranges_and_parity_come_from_different_pictures(
    bundle_folder, tmp_path, convert_nothing, count, ranges, proofs
):
    frames = [np.full((64, 96, 3), 60 * index, np.uint8) for index in range(count)]
    images = {f"photo {index}": encode(frame, "PNG") for index, frame in enumerate(frames)}
    bundle = open_bundle(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    add_phones(bundle, tiny_model(), images)
    seen = {name: [int(frame[0, 0, 0]) // 60 for frame in asked] for name, asked in convert_nothing.items()}
    assert seen == {"ranges": ranges, "proofs": proofs}


def test_a_picture_that_was_trained_on_is_not_too_large(bundle_folder, tmp_path, convert_nothing, monkeypatch):
    monkeypatch.setitem(decode_image.__kwdefaults__, "max_megapixels", 0)  # to training, it was not
    bundle = open_bundle(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    add_phones(bundle, tiny_model(), IMAGES)
    assert len(convert_nothing["ranges"]) == 2


def test_a_changed_or_strange_file_is_named(phones, tmp_path):
    copy = shutil.copytree(phones, tmp_path / "copy")
    (copy / "phone" / "extra.tflite").write_bytes(b"x")
    with pytest.raises(ArtifactError, match=r"extra\.tflite: the manifest does not know this file"):
        open_bundle(copy)
    (copy / "phone" / "extra.tflite").unlink()
    (copy / "phone" / "detector_int8.tflite").write_bytes(b"x")
    with pytest.raises(ArtifactError, match=r"detector_int8\.tflite: has changed"):
        open_bundle(copy)


def test_a_bundle_without_phones_does_not_mention_them(bundle_folder):
    manifest = json.loads((bundle_folder / "manifest.json").read_text())["manifest"]
    assert "phones" not in manifest and not (bundle_folder / "phone").exists()
