"""Every wrong record is named and left out."""

import json

import pytest
from oracles.data_folder import coco

from scanml.datasets.coco import raw_images, read_coco
from scanml.datasets.json_file import read_json, unsafe_name
from scanml.errors import DataError

NAMES = ["a.jpg", "sub/b.jpg", "c.jpg"]


def read(folder, values):
    path = folder / "instances.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return read_coco(path)


def problems(file):
    return [(finding.severity, finding.where.partition(": ")[2], finding.problem) for finding in file.findings]


def test_a_sound_file_has_no_findings(tmp_path):
    file = read(tmp_path, coco(NAMES))
    assert file.findings == ()
    assert file.label_space.class_names == ("cat", "dog")
    assert file.label_space.category_ids == (1, 7)


def test_category_ids_with_gaps_and_out_of_order_become_labels_by_ascending_id(tmp_path):
    file = read(tmp_path, coco(NAMES, categories=((90, "z"), (3, "y"), (17, "x"))))
    assert file.label_space.category_ids == (3, 17, 90)
    assert file.label_space.class_names == ("y", "x", "z")
    by_name = {image.file_name: image for image in raw_images(file, tmp_path)}
    assert by_name["a.jpg"].labels == (1,)  # category 17, the last one written
    assert by_name["sub/b.jpg"].labels == (2,)  # category 90, the first


def test_pictures_carry_their_annotations_in_order(tmp_path):
    values = coco(NAMES)
    values["annotations"] += [{"id": 9, "image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 2], "iscrowd": 1}]
    first, second, _ = raw_images(read(tmp_path, values), tmp_path / "images")
    assert first.path == tmp_path / "images" / "a.jpg"
    assert (first.image_id, first.width, first.height) == (1, 60, 40)
    assert first.xywh == ((5, 6, 20, 10), (0, 0, 1, 2))
    assert first.labels == (1, 1)
    assert first.crowd == (False, True)
    assert second.crowd == (False,)


@pytest.mark.parametrize("empty", [{"annotations": []}, {"annotations": [], "categories": []}])
def test_no_annotations_and_no_categories_are_fine(tmp_path, empty):
    file = read(tmp_path, coco(NAMES) | empty)
    assert file.findings == ()
    assert [image.xywh for image in raw_images(file, tmp_path)] == [(), (), ()]


def test_one_class_and_an_empty_data_set_are_fine(tmp_path):
    assert read(tmp_path, coco(NAMES, categories=((5, "cell"),))).label_space.class_names == ("cell",)
    assert raw_images(read(tmp_path, coco([])), tmp_path) == []


@pytest.mark.parametrize(
    ("box", "severity", "message"),
    [
        ("[0, 0, NaN, 5]", "error", "all finite numbers"),
        ("[Infinity, 0, 5, 5]", "error", "all finite numbers"),
        ("[0, -Infinity, 5, 5]", "error", "all finite numbers"),
        ("[0, 0, 1e999, 5]", "error", "all finite numbers"),
        (f"[0, 0, 1{'0' * 400}, 5]", "error", "all finite numbers"),
        ("[3, 3, 0, 5]", "error", "is empty"),
        ("[3, 3, 5, -2]", "error", "is empty"),
        ("[60, 0, 5, 5]", "error", "lies outside the image of 60×40"),
        ("[0, 40, 5, 5]", "error", "lies outside"),
        ("[-6, 0, 5, 5]", "error", "lies outside"),
        ("[-1e308, 0, 1e308, 5]", "error", "lies outside"),
        ("[50, 30, 12, 5]", "warning", "reaches beyond"),
        ("[-2, 0, 12, 5]", "warning", "reaches beyond"),
        ("[-1e307, 0, 1e308, 5]", "warning", "reaches beyond"),
        ("[1, 2, 3]", "error", "expected bbox"),
        ("[1, 2, 3, 4, 5]", "error", "expected bbox"),
        ('[1, 2, "3", 4]', "error", "expected bbox"),
        ("[1, 2, true, 4]", "error", "expected bbox"),
        ("[1, 2, null, 4]", "error", "expected bbox"),
        ("null", "error", "expected bbox"),
        ('{"x": 1}', "error", "expected bbox"),
    ],
)
def test_a_wrong_box_is_named_by_its_annotation(tmp_path, box, severity, message):
    text = json.dumps(coco(NAMES)).replace("[5.0, 6.0, 20.0, 10.0]", box, 1)
    file = read(tmp_path, text)
    ((found, where, problem),) = problems(file)
    assert (found, where) == (severity, "annotations[0] (id 1, image 1)")
    assert message in problem
    assert len(file.annotations) == (2 if severity == "error" else 3)


@pytest.mark.parametrize("box", [[-0.6, -0.6, 61, 41], [0, 0, 60, 40], [59.5, 39.5, 1, 1]])
def test_boxes_that_touch_or_pass_the_edge_by_a_rounding_are_fine(tmp_path, box):
    assert read(tmp_path, coco(NAMES, box=box)).findings == ()


@pytest.mark.parametrize(
    ("kind", "index", "change", "message"),
    [
        ("images", 1, {"id": 1}, "image id 1 occurs twice"),
        ("images", 1, {"id": "2"}, "expected an integer id, received '2'"),
        ("images", 1, {"id": True}, "expected an integer id"),
        ("images", 1, {"id": 2**63}, "expected an integer id"),
        ("images", 1, {"width": 0}, "expected positive width and height"),
        ("images", 1, {"height": 4.5}, "expected positive width and height"),
        ("images", 1, {"file_name": "a.jpg"}, "'a.jpg' is listed twice"),
        ("images", 1, {"file_name": ["a.jpg"]}, "expected a file name"),
        ("images", 1, {"file_name": "../a.jpg"}, "leads out of the image folder"),
        ("annotations", 1, {"id": 1}, "annotation id 1 occurs twice"),
        ("annotations", 1, {"id": None}, "expected an integer id, received None"),
        ("annotations", 1, {"category_id": 2}, "unknown category id 2"),
        ("annotations", 1, {"category_id": "1"}, "unknown category id '1'"),
        ("annotations", 1, {"category_id": [1]}, "unknown category id [1]"),
        ("annotations", 1, {"image_id": 99}, "unknown image id 99"),
        ("annotations", 1, {"image_id": {"a": 1}}, "unknown image id"),
        ("annotations", 1, {"iscrowd": "0"}, "expected iscrowd 0 or 1"),
        ("categories", 1, {"id": 1}, "category id 1 or name 'dog' occurs twice"),
        ("categories", 1, {"name": "cat"}, "occurs twice"),
        ("categories", 1, {"name": ""}, "expected an integer id and a name"),
        ("categories", 1, {"name": "\ud800"}, "expected an integer id and a name"),
        ("categories", 1, {"id": 1.0}, "expected an integer id and a name"),
    ],
)
def test_a_wrong_record_is_named_and_left_out(tmp_path, kind, index, change, message):
    values = coco(NAMES)
    values[kind][index] |= change
    file = read(tmp_path, values)
    findings = [finding for finding in file.findings if f": {kind}[{index}]" in finding.where]
    assert any(message in finding.problem for finding in findings)
    assert all(finding.severity == "error" for finding in findings)
    assert len(getattr(file, kind)) == len(values[kind]) - 1
    raw_images(file, tmp_path)


def test_all_wrong_records_are_named_at_once(tmp_path):
    values = coco(NAMES)
    values["images"][0]["width"] = -1
    values["annotations"][1]["bbox"] = [0, 0, 0, 0]
    values["annotations"][2]["category_id"] = 4
    file = read(tmp_path, values)
    assert [where.partition(" ")[0] for _, where, _ in problems(file)] == [
        "images[0]",
        "annotations[1]",
        "annotations[2]",
    ]
    assert [image.file_name for image in raw_images(file, tmp_path)] == ["sub/b.jpg", "c.jpg"]


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "a/../../b",
        "/etc/passwd",
        "..\\a",
        "\\\\host\\a",
        "C:\\a",
        "c:a",
        "C:/a",
        ".",
        "./",
        "..",
        "",
        "a\0b",
        "\udc80",
    ],
)
def test_names_that_lead_out_of_the_folder_or_are_none_are_unsafe(name):
    assert unsafe_name(name)


@pytest.mark.parametrize(
    "name", ["a.jpg", "sub/a.jpg", "./a.jpg", "a..b.jpg", "...jpg", "12:30.jpg", "ä ö.png", "sub\\a"]
)
def test_names_inside_the_folder_are_safe(name):
    assert unsafe_name(name) is None


@pytest.mark.parametrize("name", [None, 3, ["a"], {"a": 1}, True])
def test_what_is_no_string_is_no_name(name):
    assert "expected a file name" in unsafe_name(name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1"),
        (json.dumps(coco(NAMES)).encode()[:-40], "truncated or damaged"),
        (b"\xff\xfe\xfa", "UTF-8"),
        (b"\x80abc", "UTF-8"),
        (b'{"images": 1' + b"0" * 5000 + b"}", "not JSON that can be read"),
        (b"[" * 100_000, "not JSON that can be read"),
        (b"[]", "received a JSON list"),
        (b"3", "received a JSON int"),
        (b"{}", "'images', received nothing"),
        (b'{"images": [], "annotations": {}, "categories": []}', "'annotations', received a dict"),
        (b'{"images": [{}, 7], "annotations": [], "categories": []}', r"images\[1\]: expected an object, received 7"),
    ],
)
def test_a_file_that_is_not_coco_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_coco(path)
    assert str(path) in str(caught.value)


def test_a_byte_order_mark_is_fine(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf{}")
    assert read_json(tmp_path / "a.json") == {}


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(DataError, match=str(path)):
            read_coco(path)


@pytest.mark.parametrize("area", ["big", True, -1, float("nan"), float("inf"), None, [4]])
def test_an_area_that_is_none_is_an_error(tmp_path, area):
    values = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 4], "area": area}],
        "categories": [{"id": 1, "name": "cup"}],
    }
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(values))
    assert "expected an area" in str(read_coco(path).findings[0])


def test_areas_are_those_of_the_file_or_of_the_boxes(tmp_path):
    boxes = [{"id": 1, "area": 7.5}, {"id": 2}]
    values = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 4, 3], **box} for box in boxes],
        "categories": [{"id": 1, "name": "cup"}],
    }
    path = tmp_path / "instances.json"
    path.write_text(json.dumps(values))
    [image] = raw_images(read_coco(path), tmp_path)
    assert image.areas == (7.5, 12.0)
