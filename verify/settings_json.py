"""Settings in what JSON has, so that a counterexample about a whole map can be kept and tried again.

    {"tail": {"A": ..., "entry": ..., "layers": ...}, "head": ..., "rival": layers, "other": map, ...}

The parts are written as `verify.tails_json` writes them.
"""

from dataclasses import fields
from typing import Any

from verify.setting import Setting
from verify.tails_json import demand, fields_of, plain, read, tail_of


def to_data(setting: Setting) -> dict[str, Any]:
    """Return a setting in what JSON has."""
    rest = {field.name: plain(getattr(setting, field.name)) for field in fields(Setting) if field.name != "tail"}
    return {"tail": fields_of(setting.tail), **rest}


def from_data(data: dict[str, Any]) -> Setting:
    """Return the setting that `to_data` wrote.

    Raises:
        ValueError: it describes no setting.
        UsageError: there is no such activation.
    """
    demand(Setting, data)
    rest = {name: read(part) for name, part in data.items() if name not in ("tail", "head")}
    return Setting(tail_of(data["tail"]), data["head"], **rest)
