"""The language of the interface, on each platform."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mailmerge.language import closest
from mailmerge.portable.language import interface_language


def windows(number: int) -> SimpleNamespace:
    kernel = SimpleNamespace(GetUserDefaultUILanguage=lambda: number)
    return SimpleNamespace(platform="win32", kernel32=kernel)


@pytest.mark.parametrize(
    ("number", "name"), [(0x0804, "zh_CN"), (0x0409, "en_US"), (0x0407, "de_DE"), (0x7FFF, "")]
)
def test_windows_has_the_language_as_a_number(number: int, name: str) -> None:
    assert interface_language(windows(number)) == name


def test_the_number_leads_to_chinese_texts() -> None:
    assert closest(interface_language(windows(0x0804))) == "zh_CN"


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_other_systems_leave_it_to_the_environment(platform: str) -> None:
    assert interface_language(SimpleNamespace(platform=platform)) == ""
