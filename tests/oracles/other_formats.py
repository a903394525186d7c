"""The same labels written as YOLO and as Pascal VOC write them, by those formats' own words."""

from pathlib import Path


def write_yolo(root, coco, *, split="train", layout="images/train", decimals=6):
    """Label files of a COCO object whose pictures lie in `root`/`layout` already, and data.yaml."""
    numbers = {category["id"]: index for index, category in enumerate(coco["categories"])}
    for image in coco["images"]:
        lines = []
        for annotation in (a for a in coco["annotations"] if a["image_id"] == image["id"]):
            x, y, width, height = annotation["bbox"]
            values = [
                (x + width / 2) / image["width"],
                (y + height / 2) / image["height"],
                width / image["width"],
                height / image["height"],
            ]
            lines.append(" ".join([str(numbers[annotation["category_id"]]), *(f"{v:.{decimals}f}" for v in values)]))
        path = (Path(root) / layout.replace("images", "labels") / image["file_name"]).with_suffix(".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        if lines:
            path.write_text("\n".join(lines) + "\n")
    names = "".join(f"  {index}: {category['name']}\n" for index, category in enumerate(coco["categories"]))
    with (Path(root) / "data.yaml").open("a") as file:
        file.write(f"{split}: {layout}\n" + (f"names:\n{names}" if split == "train" else ""))


def voc_xml(size, *objects):
    """An annotation of a picture (height, width); objects are (name, xmin, ymin, xmax, ymax[, difficult])."""
    parts = ["<annotation>", "<folder>VOC2007</folder>"]
    parts.append(f"<size><width>{size[1]}</width><height>{size[0]}</height><depth>3</depth></size>")
    for name, left, top, right, bottom, *difficult in objects:
        parts.append(f"<object>\n<name>{name}</name><pose>Left</pose><difficult>{int(any(difficult))}</difficult>")
        parts.append(f"<bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox>")
        parts.append("<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part></object>")
    return "\n".join([*parts, "</annotation>"])
