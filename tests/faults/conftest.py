"""Processes that may be killed, as in the tests of the engine."""

from __future__ import annotations

from tests.engine.conftest import start_job

__all__ = ["start_job"]
