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
    return json.dumps({"schema": SCHEMA, **fields_of(tail)})


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
    return tail_of(data)


def tail_of(data: dict[str, Any]) -> WholeTail:
    """Return the tail of these fields.

    Raises:
        ValueError: they describe no tail.
        UsageError: there is no such activation.
    """
    demand(WholeTail, data)
    return WholeTail(**{name: read(part) for name, part in data.items()})


def fields_of(described: Any) -> dict[str, Any]:
    """Return the fields of a description in what JSON has."""
    return {field.name: plain(getattr(described, field.name)) for field in fields(described)}


def plain(value: Any) -> Any:
    """Return a part of a description in what JSON has."""
    if isinstance(value, tuple):
        return list(map(plain, value))
    if isinstance(value, LAYERS):
        return {"kind": value.kind, **fields_of(value)}
    return str(value) if isinstance(value, Fraction) else value


def read(value: Any) -> Any:
    """Return the part that `plain` was given.

    Raises:
        ValueError: it describes no layer.
    """
    if isinstance(value, list):
        return tuple(map(read, value))
    if isinstance(value, str):
        return Fraction(value)
    return _layer(value) if isinstance(value, dict) else value


def _layer(data: dict[str, Any]) -> Layer:
    kind = KINDS.get(data.get("kind"))
    if kind is None:
        raise ValueError(f"no layer is of the kind {data.get('kind')!r} (known: {', '.join(KINDS)})")
    rest = {name: part for name, part in data.items() if name != "kind"}
    demand(kind, rest)
    return Activate(rest["name"]) if kind is Activate else kind(**{name: read(part) for name, part in rest.items()})


def demand(kind: Any, data: dict[str, Any]) -> None:
    """Make sure that the fields of a description are there, and no others.

    Raises:
        ValueError: they are not.
    """
    expected = [field.name for field in fields(kind)]
    if set(expected) != data.keys():
        raise ValueError(f"{kind.__name__} has the fields {', '.join(expected)}, got {', '.join(data)}")
