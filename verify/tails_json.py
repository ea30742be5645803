"""Whole tails as JSON, so that a drawn one can be kept and looked at again.

    {"schema": ..., "A": channels of rows of rationals, "entry": [k, i, j], "layers": [{"kind": ..., ...}, ...]}

A rational is a string such as "-3/2"; a layer has its kind and its fields, a layer inside a layer likewise.
"""

import json
from dataclasses import fields
from fractions import Fraction
from typing import Any

from verify.layers import LAYERS, Activate, Layer
from verify.tails import WholeTail

SCHEMA = "gradcampp-tail/1"
KINDS = {layer.kind: layer for layer in LAYERS}


def to_json(tail: WholeTail) -> str:
    """Return a tail as one line of JSON."""
    return json.dumps({"schema": SCHEMA, **_fields(tail)})


def from_json(text: str) -> WholeTail:
    """Return the tail that `to_json` wrote.

    Raises:
        ValueError: the text is no JSON, or not of this schema, or describes no tail.
        UsageError: there is no such activation.
    """
    data = json.loads(text)
    found = data.pop("schema", None) if isinstance(data, dict) else None
    if found != SCHEMA:
        raise ValueError(f"expected a tail of schema {SCHEMA!r}, got {found!r}")
    _demand(WholeTail, data)
    return WholeTail(**{name: _read(part) for name, part in data.items()})


def _fields(described: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(described, field.name)) for field in fields(described)}


def _plain(value: Any) -> Any:
    """Return a part of a description in what JSON has."""
    if isinstance(value, tuple):
        return list(map(_plain, value))
    if isinstance(value, LAYERS):
        return {"kind": value.kind, **_fields(value)}
    return str(value) if isinstance(value, Fraction) else value


def _read(value: Any) -> Any:
    """Return what `_plain` was given."""
    if isinstance(value, list):
        return tuple(map(_read, value))
    if isinstance(value, str):
        return Fraction(value)
    return _layer(value) if isinstance(value, dict) else value


def _layer(data: dict[str, Any]) -> Layer:
    kind = KINDS.get(data.get("kind"))
    if kind is None:
        raise ValueError(f"no layer is of the kind {data.get('kind')!r} (known: {', '.join(KINDS)})")
    rest = {name: part for name, part in data.items() if name != "kind"}
    _demand(kind, rest)
    return Activate(rest["name"]) if kind is Activate else kind(**{name: _read(part) for name, part in rest.items()})


def _demand(kind: Any, data: dict[str, Any]) -> None:
    expected = [field.name for field in fields(kind)]
    if set(expected) != data.keys():
        raise ValueError(f"{kind.__name__} has the fields {', '.join(expected)}, got {', '.join(data)}")
