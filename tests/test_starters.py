"""Starters are copied into a new folder, and never over a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.errors import CampaignError
from mailmerge.settings import CAMPAIGN_FILE
from mailmerge.starters import describe, start_campaign, starters


def test_each_starter_is_a_folder_with_a_campaign() -> None:
    found = starters()
    assert list(found) == sorted(found)
    assert "newsletter" in found
    assert all((folder / CAMPAIGN_FILE).is_file() for folder in found.values())


def test_a_starter_is_described_by_its_first_line(tmp_path: Path) -> None:
    (tmp_path / CAMPAIGN_FILE).write_text("# A letter.\n[message]\n", encoding="utf-8")
    assert describe(tmp_path) == "A letter."


def test_every_file_of_a_starter_is_copied(tmp_path: Path) -> None:
    made = start_campaign(tmp_path / "mine", "newsletter")
    source = starters()["newsletter"]
    relative = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    assert [path.relative_to(tmp_path / "mine") for path in made] == relative
    for path in relative:
        assert (tmp_path / "mine" / path).read_bytes() == (source / path).read_bytes()


def test_a_folder_with_one_of_the_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "body.html").write_text("mine")
    with pytest.raises(CampaignError, match=r"body\.html already exists") as refused:
        start_campaign(tmp_path, "newsletter")
    assert refused.value.problem.code == "not-empty"
    assert [path.name for path in tmp_path.iterdir()] == ["body.html"]


def test_an_unknown_starter_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="did you mean newsletter") as refused:
        start_campaign(tmp_path / "mine", "newslettr")
    assert refused.value.problem.code == "unknown-starter"
    assert not (tmp_path / "mine").exists()
