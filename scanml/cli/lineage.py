"""`scanml register --lineage`: a version's ancestors as a tree, and the pictures at its end."""

from __future__ import annotations

import json

from scanml.cli.say import say
from scanml.config import to_json
from scanml.steps.experiment import Experiment

_SHOWN = 3  # pictures of a split; --json has all


def show_lineage(experiment: Experiment, tracking_uri: str, version: int | None, *, as_json: bool) -> int:
    """Print it: for people, or as one JSON line with every picture that can still be named."""
    from scanml.steps.register import images_of, lineage

    found = lineage(experiment, tracking_uri, version=version)
    images, elsewhere = {}, []
    for _, ancestor, again in found.walk():
        if again or ancestor.run is None or not ancestor.run.images:
            continue
        named = images_of(ancestor)
        if named is None:
            elsewhere.append(ancestor)
        else:
            images[ancestor.fingerprint] = named
    if as_json:
        print(json.dumps({"lineage": to_json(found), "images": images}))
        return 0
    say(found)
    for fingerprint, splits in images.items():
        for split, pictures in splits.items():
            say(f"\n{split} of {fingerprint}, {len(pictures)} images, the first with their pixels' hashes:")
            for name, pixel_hash in pictures[:_SHOWN]:
                say(f"  {name}  {pixel_hash}")
    for ancestor in elsewhere:
        say(f"\npictures of {ancestor.fingerprint}: the shards are not here; they were read from {ancestor.source}")
    return 0
