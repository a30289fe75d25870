from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from mailmerge.errors import CampaignError, MailmergeError
from mailmerge.preview.static_pages import write_static_pages
from tests.preview.campaigns import RECIPIENTS, write_campaign, write_hostile


def data_of(index: Path) -> dict[str, object]:
    found = re.search(
        r'<script type="application/json" id="static-data">(.*?)</script>',
        index.read_text("utf-8"),
        re.DOTALL,
    )
    assert found is not None
    loaded: dict[str, object] = json.loads(found[1])
    return loaded


def test_a_folder_of_pages_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert write_static_pages(write_campaign(tmp_path / "campaign"), out) == 4
    document = data_of(out / "index.html")
    assert [one["name"] for one in document["recipients"]][:2] == ["Anna Schmidt", "Bernard Dupont"]  # type: ignore[attr-defined]  # JSON
    first = out / "messages" / "1"
    assert b"Dear Anna Schmidt" in (first / "dark-noimages-nostyles.html").read_bytes()
    assert (first / "message.eml").read_bytes().startswith(b"From: ")
    names = document["files"][0].values()  # type: ignore[index]  # JSON
    assert all((first / name).is_file() for name in names)
    assert stat.S_IMODE((out / "index.html").stat().st_mode) == 0o600
    assert stat.S_IMODE(first.stat().st_mode) == 0o700


def test_the_page_needs_no_other_file_and_no_network(tmp_path: Path) -> None:
    write_static_pages(write_campaign(tmp_path / "campaign"), tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"^import ", page, re.MULTILINE)
    assert 'src="' not in page
    assert "page/" not in page
    assert page.count("Content-Security-Policy") == 1


def test_problems_lead_only_to_rows_that_were_written(tmp_path: Path) -> None:
    write_static_pages(write_campaign(tmp_path / "campaign"), tmp_path / "out")
    document = data_of(tmp_path / "out" / "index.html")
    written = {one["key"] for one in document["recipients"]}  # type: ignore[attr-defined]  # JSON
    groups = document["campaign"]["problems"]["groups"]  # type: ignore[index]  # JSON
    keys = {example["row"]: example["key"] for group in groups for example in group["examples"]}
    assert keys[5] is None  # a duplicate
    assert {key for key in keys.values() if key} <= written
    assert keys[9] in written


def test_a_cell_cannot_end_the_script_element(tmp_path: Path) -> None:
    rows = RECIPIENTS.replace("Anna Schmidt", "</script><!--<script>")
    folder = write_campaign(tmp_path / "campaign", recipients=rows)
    write_static_pages(folder, tmp_path / "out")
    index = tmp_path / "out" / "index.html"
    assert "</script><!--" not in index.read_text(encoding="utf-8")
    assert data_of(index)["recipients"][0]["name"] == "</script><!--<script>"  # type: ignore[index]  # JSON


def test_frames_have_a_policy_and_attachments_cannot_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_static_pages(write_hostile(tmp_path / "campaign"), out)
    frames = list((out / "messages").glob("*/*light*.html"))
    assert frames
    for frame in frames:
        text = frame.read_text(encoding="utf-8")
        assert "Content-Security-Policy" in text[:300]
    written = {path.name for path in (out / "messages" / "1").iterdir()}
    assert {name for name in written if name.startswith("part-")} == {
        "part-2.txt", "part-3.txt", "part-4.txt",
    }  # fmt: skip


def test_the_limit_bounds_the_number_of_messages(tmp_path: Path) -> None:
    rows = "".join(f"p{at}@example.org,P,DE,1,0,x\n" for at in range(20))
    folder = write_campaign(
        tmp_path / "campaign", recipients="email,name,country,invoice,things,notes\n" + rows
    )
    assert write_static_pages(folder, tmp_path / "out", limit=2) == 2


def test_a_broken_campaign_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MailmergeError, match=r"campaign\.toml"):
        write_static_pages(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_campaign_without_messages_is_an_error(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path / "campaign", body="<p>{{ 1 // 0 }}</p>")
    with pytest.raises(CampaignError, match="no message to show"):
        write_static_pages(folder, tmp_path / "out")


def test_text_messages_have_no_frames(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path / "campaign")
    toml = (folder / "campaign.toml").read_text().replace('html = "body.html"\n', "")
    (folder / "campaign.toml").write_text(toml)
    write_static_pages(folder, tmp_path / "out")
    assert not list((tmp_path / "out" / "messages" / "1").glob("*.html"))
