"""Whatever a COCO file holds, there are findings or a DataError."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.data_folder import coco

from scanml.datasets.coco import raw_images, read_coco
from scanml.datasets.json_file import unsafe_name
from scanml.errors import DataError

NAMES = ["a.jpg", "sub/b.jpg", "c.jpg"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([2**70, -1, 0, 1, 7]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [(kind, key) for kind, records in coco(NAMES).items() for key in records[0]] + [("annotations", "iscrowd")]


@settings(max_examples=120, deadline=None)
@given(edits=st.lists(st.tuples(st.sampled_from(FIELDS), st.integers(0, 2), JSON), max_size=4), drop=st.booleans())
def test_any_value_in_any_field_gives_findings_and_pictures(tmp_path_factory, edits, drop):
    values = coco(NAMES)
    for (kind, key), index, value in edits:
        record = values[kind][index % len(values[kind])]
        record[key] = value
        if drop:
            del record[key]
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(values))
    file = read_coco(path)
    for image in raw_images(file, path.parent):
        assert unsafe_name(image.file_name) is None
        assert all(label in range(len(file.label_space.class_names)) for label in image.labels)
    assert all(str(path) in str(finding) for finding in file.findings)


@settings(max_examples=150, deadline=None)
@given(values=JSON | st.fixed_dictionaries(dict.fromkeys(("images", "annotations", "categories"), JSON)))
def test_any_json_is_read_or_refused_by_name(tmp_path_factory, values):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(values))
    try:
        read_coco(path)
    except DataError as error:
        assert str(path) in str(error)
