"""Script <-> JSON, so that a server in a process of its own can be given any script."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tests.scripted_server import script as _script

_TYPES = {
    kind.__name__: kind
    for kind in vars(_script).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}


def to_json(script: _script.Script) -> str:
    """Write a script as JSON; `from_json` gives the equal script back."""
    return json.dumps(_encoded(script))


def from_json(text: str) -> _script.Script:
    """Read what `to_json` wrote."""
    decoded = _decoded(json.loads(text))
    assert isinstance(decoded, _script.Script)
    return decoded


def _encoded(value: object) -> object:
    if dataclasses.is_dataclass(value):
        fields = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
        return {"type": type(value).__name__, **{k: _encoded(v) for k, v in fields.items()}}
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    if isinstance(value, dict):
        return {"mapping": value}
    return value


def _decoded(value: Any) -> object:
    if isinstance(value, list):
        return tuple(_decoded(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "type" in value:
        kind = _TYPES[value.pop("type")]
        made: object = kind(**{name: _decoded(item) for name, item in value.items()})
        return _with_stage(made)
    return value["mapping"] if "mapping" in value else value["bytes"].encode("latin-1")


def _with_stage(made: object) -> object:
    if isinstance(made, _script.When):
        return dataclasses.replace(made, stage=_script.Stage(made.stage))
    return made
