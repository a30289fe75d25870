from __future__ import annotations

import binascii
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import AssetError, MessageError
from mailmerge.mime.parts import PartStore, part_fields
from tests.mime.conftest import PNG
from tests.platforms import needs_links, on_posix


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "campaign"
    inside.mkdir()
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (inside / "logo.png").write_bytes(PNG)
    (inside / "invoices").mkdir()
    (inside / "invoices" / "12.pdf").write_bytes(b"%PDF-1.7")
    return inside


def refusal(folder: Path, path: str) -> AssetError:
    with pytest.raises(AssetError) as caught:
        PartStore(folder).part(path)
    assert caught.value.problem.file == (path or "an empty path")
    assert caught.value.problem.hint
    return caught.value


def test_part_is_read_and_encoded_once(folder: Path) -> None:
    store = PartStore(folder)
    first = store.part("logo.png")
    (folder / "logo.png").unlink()
    assert store.part("logo.png") is first
    assert binascii.a2b_base64(first.encoded) == PNG
    assert first.size == len(PNG)
    assert first.file_name == "logo.png"


def test_fields_of_an_attached_file_are_written_once(folder: Path) -> None:
    part = PartStore(folder).part("logo.png")
    assert part.attached == (
        b'Content-Type: image/png; name="logo.png"\r\n'
        b'Content-Disposition: attachment; filename="logo.png"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )


def test_threads_share_one_part(folder: Path) -> None:
    store = PartStore(folder)
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(store.part, ["logo.png"] * 64))
    assert len({id(part) for part in parts}) == 1


def test_part_used_longest_ago_is_dropped(folder: Path) -> None:
    for name in "abc":
        (folder / name).write_bytes(bytes(300))
    store = PartStore(folder, kept_bytes=900)
    a, b = store.part("a"), store.part("b")
    assert store.part("a") is a
    store.part("c")
    assert store.part("a") is a
    assert store.part("b") is not b


def test_file_larger_than_the_cache_is_read_again(folder: Path) -> None:
    store = PartStore(folder, kept_bytes=10)
    first = store.part("logo.png")
    again = store.part("logo.png")
    assert again == first
    assert again is not first


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt",
        "/etc/passwd",
        "invoices/../../secret.txt",
        "invoices\\..\\..\\secret.txt",
        "",
        "..",
        "escape/secret.txt",
        "link.txt",
    ],
)
@needs_links
def test_path_never_leads_out_of_the_campaign(folder: Path, path: str) -> None:
    (folder / "escape").symlink_to(folder.parent, target_is_directory=True)
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    assert refusal(folder, path).problem.code == "asset-outside"


@needs_links
def test_link_inside_the_campaign_is_followed(folder: Path) -> None:
    (folder / "latest.pdf").symlink_to("invoices/12.pdf")
    part = PartStore(folder).part("latest.pdf")
    assert (part.file_name, part.size) == ("latest.pdf", 8)


def test_windows_path_is_understood(folder: Path) -> None:
    assert PartStore(folder).part("invoices\\12.pdf").file_name == "12.pdf"


@on_posix
def test_only_a_regular_file_is_a_part(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        for path in ("fifo", "socket", "invoices", "."):
            assert refusal(folder, path).problem.code == "asset-not-a-file"


@on_posix
def test_missing_empty_or_unreadable_file_is_named(folder: Path) -> None:
    (folder / "empty.pdf").write_bytes(b"")
    assert (
        str(refusal(folder, "gone.pdf"))
        == "gone.pdf: there is no such file (copy it there, or correct the path)"
    )
    assert refusal(folder, "empty.pdf").problem.code == "asset-empty"
    assert refusal(folder, "x" * 300).problem.code == "asset-unreadable"
    assert refusal(folder, "logo.png/x").problem.code == "asset-unreadable"


def test_file_has_at_most_the_size_in_the_message(folder: Path) -> None:
    (folder / "big.bin").write_bytes(bytes(2_000_001))
    with pytest.raises(AssetError, match=r"^big.bin: is larger than 1.9 MB"):
        PartStore(folder, largest_file=2_000_000).part("big.bin")
    assert PartStore(folder, largest_file=2_000_001).part("big.bin").size == 2_000_001


def test_link_that_leads_in_a_circle_is_refused(folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    with pytest.raises(AssetError):
        PartStore(folder).part("loop")


@pytest.mark.parametrize("character", ["\n", "\r", "\x00", "\x7f", "\x85", "\u2028", "\ud800"])
def test_no_control_character_is_part_of_a_file_name(folder: Path, character: str) -> None:
    with pytest.raises(MessageError, match="the file name holds"):
        PartStore(folder).part(f"logo{character}.png")


def test_name_cannot_look_like_another(folder: Path) -> None:
    (folder / "photo\u202egpj.exe").write_bytes(b"MZ")
    assert PartStore(folder).part("photo\u202egpj.exe").file_name == "photogpj.exe"


@pytest.mark.parametrize(
    "name", ["نمی\u200cخواهم.pdf", "क्\u200dष.pdf", "👩\u200d👧.png", "\u0600x.pdf"]
)
def test_name_keeps_the_marks_of_its_script(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"x")
    assert PartStore(folder).part(name).file_name == name


def test_name_without_a_visible_character_is_refused(folder: Path) -> None:
    (folder / "\u202e\u200f").write_bytes(b"x")
    error = refusal(folder, "\u202e\u200f")
    assert error.problem.code == "asset-nameless"
    assert error.problem.hint == "rename it"


@given(st.text(max_size=60))
def test_any_missing_path_gives_an_input_error(path: str) -> None:
    with pytest.raises((AssetError, MessageError)):
        PartStore(Path("/nonexistent")).part(path)


def test_charset_of_a_text_is_part_of_its_fields(folder: Path) -> None:
    (folder / "utf8.csv").write_bytes("é".encode())
    (folder / "latin1.csv").write_bytes("é".encode("latin-1"))
    store = PartStore(folder)
    assert store.part("utf8.csv").charset == "utf-8"
    assert b'Content-Type: text/csv; charset="utf-8";' in store.part("utf8.csv").attached
    assert store.part("latin1.csv").charset == ""
    assert b"charset" not in store.part("latin1.csv").attached
    assert store.part("logo.png").charset == ""


def test_fields_of_an_inline_part_name_the_file_twice() -> None:
    fields = part_fields("image/png", "größe.png", "", "inline")
    assert b"Content-Disposition: inline; filename*=utf-8''gr%C3%B6%C3%9Fe.png\r\n" in fields
    assert b'name="=?utf-8?' in fields


def test_part_has_another_name_for_readers(tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.4")
    store = PartStore(tmp_path)
    named = store.part("x.pdf", "Rechnung ü.pdf")
    assert named.file_name == "Rechnung ü.pdf"
    assert b"filename*=utf-8''Rechnung%20%C3%BC.pdf" in named.attached.replace(b"UTF-8", b"utf-8")
    assert named.encoded is store.part("x.pdf").encoded
    assert store.part("x.pdf").file_name == "x.pdf"
