"""What implies what: names with their parents, as pairs (child, parent), a forest or a graph without circles."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from scanml.errors import DataError


def ancestors(parents: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """All that each name implies: its parents, theirs, and so on; a name without parents implies nothing.

    Raises:
        DataError: names that imply each other in a circle.

    >>> sorted(ancestors([("cola", "drink"), ("drink", "food")])["cola"])
    ['drink', 'food']
    """
    above: dict[str, list[str]] = {}
    for child, parent in parents:
        above.setdefault(child, []).append(parent)
    try:
        parents_first = tuple(TopologicalSorter(above).static_order())
    except CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise DataError(f"the triggers {circle} imply each other in a circle; remove one of these parents.") from error
    found: dict[str, frozenset[str]] = {}
    for name in parents_first:
        found[name] = frozenset().union(*({parent} | found[parent] for parent in above.get(name, ())))
    return found
