"""Every pass reads the same bytes, and a file that changes in between is noticed."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.input_file import open_input_file, spool
from tests.platforms import assert_private, held, on_posix, on_windows


def read(path: Path) -> bytes:
    with open_input_file(path, "people.csv").open() as stream:
        return stream.read()


def problem_code(path: Path) -> str:
    with pytest.raises(SpreadsheetError) as caught:
        read(path)
    assert caught.value.problem.file == "people.csv"
    return caught.value.problem.code


def test_a_regular_file_is_read_in_place(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"email\r\n")
    file = open_input_file(path, "people.csv")
    assert (file.path, file.copy) == (path, None)
    for _ in range(2):
        with file.open() as stream:
            assert stream.read() == b"email\r\n"


@on_windows
def test_a_file_that_excel_holds_says_to_close_it(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"email\r\n")
    with held(path), pytest.raises(SpreadsheetError, match="close it in the program") as caught:
        read(path)
    assert caught.value.problem.code == "unreadable"
    assert read(path) == b"email\r\n"


def test_a_missing_file_is_told_from_an_unreadable_one(tmp_path: Path) -> None:
    assert problem_code(tmp_path / "none.csv") == "no-file"
    assert problem_code(tmp_path) == "unreadable"


@on_posix
def test_a_pipe_is_copied_and_read_twice(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = f"open({str(pipe)!r}, 'wb').write(b'email\\na@x.org\\n')"
    writer = subprocess.Popen([sys.executable, "-c", script])
    file = open_input_file(pipe, "people.csv")
    assert writer.wait(30) == 0
    assert file.copy is not None
    for _ in range(2):
        with file.open() as stream:
            assert stream.read() == b"email\na@x.org\n"


def test_a_copy_is_private_and_goes_with_its_owner() -> None:
    file = spool(io.BytesIO(b"x"), "people.csv")
    path = file.path
    assert path.read_bytes() == b"x"
    assert_private(path)
    del file
    assert not path.exists()


def test_a_copy_is_removed_at_exit(tmp_path: Path) -> None:
    script = (
        "import io; from mailmerge.recipients.input_file import spool; "
        "kept = spool(io.BytesIO(b'x'), 'people.csv'); print(kept.path)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    path = Path(done.stdout.strip())
    assert path.parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(SpreadsheetError) as caught:
        spool(Broken(), "people.csv")
    assert str(caught.value) == "people.csv: cannot be read: Input/output error"
    assert list(tmp_path.iterdir()) == []


def test_a_change_between_two_passes_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(b"email\n")
    file = open_input_file(path, "people.csv")
    file.check_unchanged()
    path.write_bytes(b"email\na@x.org\n")
    with pytest.raises(SpreadsheetError) as caught:
        file.check_unchanged()
    assert caught.value.problem.code == "file-changed"
    path.unlink()
    with pytest.raises(SpreadsheetError) as caught:
        file.check_unchanged()
    assert caught.value.problem.code == "no-file"
