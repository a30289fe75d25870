"""Terminal, browser, clock, time zone, name servers and folders, also those of other computers."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailmerge.deliverability.answers import Answer
from mailmerge.reports.surroundings import (
    Terminal,
    browser_fact,
    clock_fact,
    dns_fact,
    temporary_fact,
    terminal_fact,
    time_zone_fact,
    writable_fact,
)

LATER = 4_000_000_000.0


def test_a_wide_terminal_with_utf8_needs_no_fix() -> None:
    fact = terminal_fact(Terminal("utf-8", colours=True, columns=100))
    assert fact.text == "encoding utf-8, 100 columns, colours"
    assert fact.fix == ""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "no-such-encoding"])
def test_an_encoding_without_every_script_has_a_fix(encoding: str) -> None:
    fact = terminal_fact(Terminal(encoding, colours=False, columns=80))
    assert fact.works
    assert fact.text == f"encoding {encoding}, 80 columns, no colours"
    assert "PYTHONUTF8=1" in fact.fix


def test_a_narrow_terminal_has_a_fix() -> None:
    assert "60 columns" in terminal_fact(Terminal("utf-8", colours=False, columns=40)).fix


def test_a_browser_is_named() -> None:
    fact = browser_fact(lambda: SimpleNamespace(name="/usr/bin/firefox"))
    assert (fact.text, fact.fix) == ("firefox", "")
    assert browser_fact(SimpleNamespace).text == "SimpleNamespace"


def test_a_browser_of_the_terminal_cannot_show_the_preview() -> None:
    fact = browser_fact(lambda: SimpleNamespace(name="w3m"))
    assert fact.text == "w3m cannot show the preview"
    assert "BROWSER" in fact.fix


def test_a_missing_browser_has_a_fix() -> None:
    def none() -> object:
        raise webbrowser.Error("could not locate runnable browser")

    fact = browser_fact(none)
    assert fact.works
    assert "open the address" in fact.fix


@pytest.mark.parametrize("name", ["Europe/Paris", "CET-1CEST", ":UTC", "<+03>-3", ""])
def test_known_time_zones_need_no_fix(name: str) -> None:
    fact = time_zone_fact({"TZ": name}, "posix")
    assert "UTC" in fact.text
    assert fact.fix == ""


@pytest.mark.parametrize("name", ["Europe/Pari", "../etc/passwd", "/no/such/file"])
def test_an_unknown_time_zone_has_a_fix(name: str) -> None:
    fact = time_zone_fact({"TZ": name}, "posix")
    assert fact.text == f"TZ={name} is unknown, so times are in UTC"
    assert "Europe/Paris" in fact.fix
    assert time_zone_fact({"TZ": name}, "nt").fix == ""


def test_a_time_zone_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "zone"
    file.touch()
    assert time_zone_fact({"TZ": str(file)}, "posix").fix == ""


def test_a_clock_before_this_version_fails() -> None:
    fact = clock_fact([], now=lambda: 86_400.0)
    assert not fact.works
    assert fact.text.startswith("1970-01-0")
    assert "time server" in fact.fix


def test_a_clock_before_a_file_was_written_has_a_fix(tmp_path: Path) -> None:
    file = tmp_path / "campaign.toml"
    file.touch()
    os.utime(file, (LATER, LATER))
    fact = clock_fact([file, tmp_path / "missing"], now=lambda: LATER - 3600)
    assert fact.works
    assert str(file) in fact.text
    assert fact.fix


def test_a_disk_may_be_a_little_ahead(tmp_path: Path) -> None:
    os.utime(tmp_path, (LATER, LATER))
    assert clock_fact([tmp_path], now=lambda: LATER - 60).fix == ""
    assert clock_fact([], now=lambda: LATER).fix == ""


def test_a_name_server_that_answers_works() -> None:
    assert dns_fact(lambda name, kind: Answer("no-name")).fix == ""


def test_a_silent_name_server_has_a_fix() -> None:
    fact = dns_fact(lambda name, kind: Answer("unknown", reason="no name server answered"))
    assert fact.works
    assert fact.text == "no answer: no name server answered"
    assert "network" in fact.fix


def test_a_folder_that_cannot_be_written_fails(tmp_path: Path) -> None:
    fact = writable_fact("state folder", tmp_path / "missing")
    assert not fact.works
    assert str(tmp_path) in fact.text
    assert "permissions" in fact.fix
    assert writable_fact("state folder", tmp_path).text == str(tmp_path)


def test_no_folder_for_temporary_files_fails() -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    fact = temporary_fact(none)
    assert not fact.works
    assert "TMPDIR" in fact.fix
    assert temporary_fact().works
