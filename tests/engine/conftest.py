"""Fixtures for the tests of the engine: a campaign, and processes that may be killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from mailmerge.settings import Settings
from tests.engine.driver import Job, drive, make_campaign
from tests.forked import CONTEXT

StartJob = Callable[[Job], BaseProcess]


@pytest.fixture
def campaign(tmp_path: Path) -> Settings:
    """A campaign of one text."""
    return make_campaign(tmp_path / "campaign")


@pytest.fixture
def start_job() -> Iterator[StartJob]:
    """Start a process that does a job; what is left of them ends with the test."""
    started: list[BaseProcess] = []

    def start(job: Job) -> BaseProcess:
        process = CONTEXT.Process(target=drive, args=(job,), daemon=True)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        if process.is_alive():
            process.kill()
        process.join()
        process.close()
