import pytest
from oracles.data_folder import write_pictures
from oracles.other_formats import voc_xml

SIZE = (40, 60)


@pytest.fixture
def yolo(tmp_path):
    """Two pictures with labels, one without."""
    root = tmp_path / "yolo"
    write_pictures(root / "images", ["a.png", "b.png", "c.png"], size=SIZE)
    (root / "labels").mkdir()
    (root / "labels" / "a.txt").write_text("1 0.5 0.5 0.5 0.5\n\n0 0.25 0.25 0.5 0.5\n")
    (root / "labels" / "b.txt").write_text("0 0.1 0.2 0.4 0.2 0.3 0.6\n")
    (root / "data.yaml").write_text("train: images\nval:\nnc: 2\nnames: [cup, no]\n")
    return root


@pytest.fixture
def voc(tmp_path):
    """Three pictures: an object, two of which one is difficult, none."""
    root = tmp_path / "voc"
    write_pictures(root / "JPEGImages", ["a.jpg", "b.jpg", "c.jpg"], size=SIZE)
    (root / "Annotations").mkdir()
    for stem, objects in {
        "a": [("dog", 1, 1, 60, 40)],
        "b": [("dog", 3, 4, 3, 4), ("cat", 5, 6, 20, 30, 1)],
        "c": [],
    }.items():
        (root / "Annotations" / f"{stem}.xml").write_text(voc_xml(SIZE, *objects))
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for name, stems in {
        "train": "a\n",
        "val": "b\n",
        "trainval": "a\nb\n",
        "test": "c\n",
        "dog_train": "a 1\n",
    }.items():
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text(stems)
    return root
