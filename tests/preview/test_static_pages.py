from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from mailmerge.errors import CampaignError, MailmergeError
from mailmerge.preview import export
from mailmerge.preview.export import PAGE_FOLDER, keep_pages, one_file
from tests.preview.campaigns import write_campaign, write_hostile


def kept(index: Path) -> dict[str, object]:
    found = re.search(
        r'<script type="application/json" id="kept">(.*?)</script>',
        index.read_text("utf-8"),
        re.DOTALL,
    )
    assert found is not None
    loaded: dict[str, object] = json.loads(found[1])
    return loaded


def test_a_folder_of_pages_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert keep_pages(write_campaign(tmp_path / "campaign"), out) == 4
    document = kept(out / "index.html")
    assert [one["name"] for one in document["people"]][:2] == ["Anna Schmidt", "Bernard Dupont"]  # type: ignore[attr-defined]  # JSON
    first = out / "messages" / "1"
    assert b"Dear Anna Schmidt" in (first / "dark-noimages-nostyles.html").read_bytes()
    assert (first / "message.eml").read_bytes().startswith(b"From: ")
    names = document["files"][0].values()  # type: ignore[index]  # JSON
    assert all((first / name).is_file() for name in names)
    assert stat.S_IMODE((out / "index.html").stat().st_mode) == 0o600
    assert stat.S_IMODE(first.stat().st_mode) == 0o700


def test_the_page_is_one_file_that_needs_no_other_and_no_network(tmp_path: Path) -> None:
    page = one_file('{"a": "</script><!--"}')
    assert "import " not in page.replace("// ", "")
    assert 'src="' not in page
    assert "page/" not in page
    assert "</script><!--" not in page
    assert page.count("Content-Security-Policy") == 1


def test_the_modules_give_every_top_level_name_once() -> None:
    names: list[str] = []
    for path in PAGE_FOLDER.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        names += re.findall(
            r"^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)", text, re.MULTILINE
        )
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)


def test_every_frame_has_its_policy_and_no_attachment_can_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    keep_pages(write_hostile(tmp_path / "campaign"), out)
    for frame in (out / "messages").glob("*/*light*.html"):
        text = frame.read_text(encoding="utf-8")
        assert "Content-Security-Policy" in text[:300]
    written = {path.name for path in (out / "messages" / "1").iterdir()}
    assert {name for name in written if name.startswith("part-")} == {
        "part-2.txt", "part-3.txt", "part-4.txt",
    }  # fmt: skip


def test_only_so_many_people_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "KEPT_PEOPLE", 2)
    rows = "".join(f"p{at}@example.org,P,DE,1,0,x\n" for at in range(20))
    folder = write_campaign(
        tmp_path / "campaign", people="email,name,country,invoice,things,notes\n" + rows
    )
    assert keep_pages(folder, tmp_path / "out") == 2


def test_a_broken_campaign_is_an_error_of_the_command(tmp_path: Path) -> None:
    with pytest.raises(MailmergeError, match=r"campaign\.toml"):
        keep_pages(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_campaign_in_which_nobody_is_meant_has_nothing_to_show(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path / "campaign", body="<p>{{ 1 // 0 }}</p>")
    with pytest.raises(CampaignError, match="nobody"):
        keep_pages(folder, tmp_path / "out")


def test_a_campaign_of_text_alone_has_no_frames(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path / "campaign")
    toml = (folder / "campaign.toml").read_text().replace('html = "body.html"\n', "")
    (folder / "campaign.toml").write_text(toml)
    keep_pages(folder, tmp_path / "out")
    assert not list((tmp_path / "out" / "messages" / "1").glob("*.html"))
