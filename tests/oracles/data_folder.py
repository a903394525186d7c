"""Small raw data folders for tests: pictures that all differ, COCO records, triggers."""

import json
from pathlib import Path

import cv2
import numpy as np


def picture(seed, size=(40, 60)):
    """Smooth noise, uint8 (H, W, 3) RGB: no two seeds are near-duplicates."""
    rng = np.random.default_rng([77, seed])
    coarse = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_LINEAR)


def write_pictures(folder, names, *, first_seed=0, size=(40, 60)):
    for seed, name in enumerate(names, start=first_seed):
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture(seed, size)[..., ::-1])


def coco(names, *, size=(40, 60), box=(5.0, 6.0, 20.0, 10.0), categories=((1, "cat"), (7, "dog"))):
    """A COCO object: every picture has one box, of the first and of the last category in turns."""
    images = [{"id": i, "file_name": name, "width": size[1], "height": size[0]} for i, name in enumerate(names, 1)]
    annotations = [
        {
            "id": image["id"],
            "image_id": image["id"],
            "category_id": categories[-(image["id"] % 2)][0],
            "bbox": list(box),
        }
        for image in images
    ]
    records = [{"id": identity, "name": name} for identity, name in categories]
    return {"images": images, "annotations": annotations, "categories": records}


def write_folder(root, **splits):
    """`root`/images and one label file for each split, e.g. `instances=8` pictures; all pictures differ."""
    seed = 0
    for split, count in splits.items():
        names = [f"{split}{index}.png" for index in range(count)]
        write_pictures(Path(root) / "images", names, first_seed=seed)
        (Path(root) / f"{split}.json").write_text(json.dumps(coco(names)))
        seed += count
    return Path(root)


def edit_json(path, change):
    """Read, let `change`(values) work on it, write."""
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))
