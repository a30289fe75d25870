"""What a function of the project is called with, while it does its work as ever."""

from __future__ import annotations

from typing import Any

import pytest


def first_arguments(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> list[Any]:
    """The first argument of each call of a module's function from now on, in their order."""
    heard: list[Any] = []
    function = getattr(module, name)

    def listening(first: Any, *more: Any) -> Any:
        heard.append(first)
        return function(first, *more)

    monkeypatch.setattr(module, name, listening)
    return heard
