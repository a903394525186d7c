"""Frozen config dataclasses to and from JSON, with overrides and a fingerprint.

A config is a frozen dataclass whose fields are scalars, tuples, mappings, `X | None` or further configs. Everything
that enters (JSON, `--set`, an experiment file, a call) is checked here by name and by type.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import json
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from scanml.errors import ConfigError

C = TypeVar("C")
# A dataclass field with this metadata is written only where it is not its default: files that are older than the field
# keep their checksums.
ADDED_LATER = types.MappingProxyType({"added_later": True})


def to_json(config: object) -> object:
    """The config as plain JSON values: dataclasses become objects, tuples lists."""
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        values = {field: getattr(config, field.name) for field in dataclasses.fields(config)}
        return {f.name: to_json(v) for f, v in values.items() if "added_later" not in f.metadata or v != f.default}
    if isinstance(config, Mapping):
        return {str(key): to_json(value) for key, value in config.items()}
    if isinstance(config, tuple | list):
        return [to_json(value) for value in config]
    return config


def from_json(kind: type[C], values: object, *, where: str = "config") -> C:
    """Build `kind` from JSON values; an unknown key or a value of the wrong type is a `ConfigError`.

    >>> from scanml.training import TrainConfig
    >>> from_json(TrainConfig, {"steps": 7}).steps
    7
    """
    return cast(C, _convert(kind, values, where))


def override(config: C, assignments: Sequence[str]) -> C:
    """The config after assignments such as ``train.steps=100``; values are JSON, or plain words.

    Raises:
        ConfigError: no `=`, a field that does not exist (the nearest name is given), or a value of the wrong type.
    """
    values = to_json(config)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set expects field=value, received {assignment!r}; for example --set train.steps=100.")
        _assign(values, config, path.split("."), _parse(text), path)
    return from_json(type(config), values, where="--set")


def fingerprint(value: object) -> str:
    """16 hex digits of SHA-256 over the canonical JSON of a config or of any JSON value; 1 and 1.0 are the same."""
    text = json.dumps(_canonical(to_json(value)), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def nearest(name: str, known: Sequence[str]) -> str:
    """A hint for an unknown name: the nearest known one, or all of them."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}."


def check_fields(config: object) -> None:
    """For `__post_init__`: every field gets its annotated type (a whole number becomes a float, a list a tuple).

    Raises:
        ConfigError: a value that does not fit, named Class.field.
    """
    kind: type = type(config)
    for name, wanted in field_types(kind).items():
        value = _convert(wanted, getattr(config, name), f"{kind.__name__}.{name}")
        object.__setattr__(config, name, value)


@functools.cache
def field_types(kind: type) -> Mapping[str, object]:
    """The resolved type of every field of a config dataclass."""
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _canonical(value: object) -> object:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _assign(values: object, config: object, path: list[str], value: object, full: str) -> None:
    if not isinstance(values, dict):
        raise ConfigError(f"--set {full}: nothing below it can be set; it is {values!r} here.")
    name = path[0]
    is_config = dataclasses.is_dataclass(config)
    if is_config and name not in values:
        below = _find_below(config, name)
        hint = f"did you mean {full[: -len('.'.join(path))] + below!r}?" if below else nearest(name, list(values))
        raise ConfigError(f"--set {full}: {type(config).__name__} has no field {name!r}; {hint}")
    if len(path) == 1:
        values[name] = value
        return
    below = getattr(config, name) if is_config else None
    _assign(values.get(name), below, path[1:], value, full)


def _find_below(config: object, name: str) -> str | None:
    """The path to a field `name` in one of the configs below `config`, the first if there are several."""
    for field in dataclasses.fields(config):  # type: ignore[arg-type]
        below = getattr(config, field.name)
        if not dataclasses.is_dataclass(below):
            continue
        if hasattr(below, name):
            return f"{field.name}.{name}"
        deeper = _find_below(below, name)
        if deeper is not None:
            return f"{field.name}.{deeper}"
    return None


def _convert(kind: object, value: object, where: str) -> object:
    origin, arguments = _parts(kind)
    if kind is typing.Any or kind is object:
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, where)
    if origin is typing.Literal:
        if not any(type(value) is type(option) and value == option for option in arguments):
            raise ConfigError(f"{where}: expected one of {', '.join(map(repr, arguments))}, received {value!r}.")
        return value
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _convert_dataclass(kind, value, where)
    if origin is tuple:
        return _convert_tuple(arguments, value, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected an object, received {value!r}.")
        return {str(key): _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    return _convert_scalar(kind, value, where)


@functools.cache
def _parts(kind: object) -> tuple[object, tuple[object, ...]]:
    return typing.get_origin(kind), typing.get_args(kind)


def _convert_union(options: tuple[object, ...], value: object, where: str) -> object:
    if value is None and type(None) in options:
        return None
    errors: list[str] = []
    for option in options:
        try:
            return _convert(option, value, where)
        except ConfigError as error:
            errors += [] if option is type(None) else [str(error)]
    raise ConfigError(" Or: ".join(errors))


def _convert_dataclass(kind: type, value: object, where: str) -> object:
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: expected the fields of {kind.__name__}, received {value!r}.")
    known = field_types(kind)
    for name in value:
        if name not in known:
            raise ConfigError(f"{where}: {kind.__name__} has no field {name!r}; {nearest(str(name), list(known))}")
    fields = {name: _convert(known[name], item, f"{where}.{name}") for name, item in value.items()}
    try:
        return kind(**fields)
    except TypeError as error:
        raise ConfigError(f"{where}: {kind.__name__} cannot be built: {error}.") from error


def _convert_tuple(arguments: tuple[object, ...], value: object, where: str) -> object:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where}: expected a list, received {value!r}.")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    if len(arguments) != len(value):
        raise ConfigError(f"{where}: expected {len(arguments)} values, received {len(value)}: {value!r}.")
    return tuple(
        _convert(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(arguments, value, strict=True))
    )


def _convert_scalar(kind: object, value: object, where: str) -> object:
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) <= sys.float_info.max:  # False for NaN, infinity and integers beyond all floats
            return float(value)
        raise ConfigError(f"{where}: expected a finite number, received {value!r}.")
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind in (bool, str) and isinstance(value, cast(type, kind)):
        return value
    name = getattr(kind, "__name__", str(kind))
    raise ConfigError(f"{where}: expected {name}, received {value!r}.")
