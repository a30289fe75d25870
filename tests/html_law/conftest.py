"""One Chromium for all tests of the law."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .browser import Browser, NoBrowser, browser


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A browser that compares pages; without one the tests are skipped, but fail in CI."""
    try:
        with browser() as running:
            yield running
    except NoBrowser as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
