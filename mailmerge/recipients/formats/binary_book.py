"""An XLS or XLSB workbook, read by another process.

XLSB is read by python-calamine, which is compiled: a damaged file can make it panic, or ask for
more memory than there is, and then its process ends. Here that is the process of `binary_reader`,
with limits on memory and time; whatever becomes of it, this one reports an error. XLS is read there
too: its records are untrusted offsets and sizes. XLSX and ODS do not need it: their modules read
the markup themselves.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mailmerge.errors import CampaignError, MailmergeError, SpreadsheetError
from mailmerge.language import language, tr
from mailmerge.portable.limits import seconds_to_wait
from mailmerge.recipients.bounds import Budget
from mailmerge.recipients.formats.grid import Grid
from mailmerge.recipients.formats.markup import Range, SeenCell
from mailmerge.recipients.formats.sheet import Sheet, SheetEntry, protected
from mailmerge.recipients.input_file import InputFile, damaged

_READER = "mailmerge.recipients.formats.binary_reader"
_ROOT = Path(__file__).parents[3]
_SECONDS = 10  # of processor time, as the reader limits itself


class BinaryBook:
    """One XLS or XLSB workbook."""

    def __init__(self, source: InputFile, budget: Budget, locale: str = "") -> None:
        """Nothing is read yet; `budget` counts the cells, `locale` is that under [recipients]."""
        self._locale = locale
        self._source = source
        self._budget = budget
        self._only: Iterator[Any] | None = None

    @cached_property
    def sheets(self) -> Sequence[SheetEntry]:
        """The worksheets, in their order."""
        return [SheetEntry(name, visible) for name, visible, _ in self._listed]

    def has_cells(self, sheet: str) -> bool:
        """Whether any cell of a sheet has a value."""
        return any(full for name, _, full in self._listed if name == sheet)

    def read(self, sheet: str) -> Sheet:
        """Read a sheet.

        Raises:
            SpreadsheetError: it is protected, damaged or too large.
        """
        lines, self._only = self._only or self._run(sheet), None
        grid, found = Grid(self._budget), Sheet(self._source.file)
        for line in lines:
            if isinstance(line, dict):
                _take_notes(found, line)
                continue
            for row, cells in line:
                grid.put_row(row, cells)
        found.columns, found.rows = grid.columns, grid.rows
        return found

    @cached_property
    def _listed(self) -> list[tuple[str, bool, bool]]:
        """The sheets; if there is only one, its cells follow, and are read with `read`."""
        lines = self._run()
        found = [(name, visible, full) for name, visible, full in next(lines)["sheets"]]
        self._only = lines if len(found) == 1 else None
        return found

    def _run(self, *sheet: str) -> Iterator[Any]:
        """What the other process prints, a value for each line; its last line must be there."""
        path = str(self._source.path)
        command = [sys.executable, "-P", "-m", _READER, path, self._locale, *sheet]
        with tempfile.TemporaryFile() as output:
            try:
                subprocess.run(  # noqa: S603 - this Python, and a module of this package
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL,
                    env={**os.environ, "PYTHONPATH": _search_path(), "LANGUAGE": language()},
                    timeout=seconds_to_wait(_SECONDS), check=True,
                )  # fmt: skip
            except subprocess.SubprocessError as error:
                raise self._given_up() from error
            output.seek(0)
            for line in output:
                value = json.loads(line)
                if isinstance(value, dict) and "error" in value:
                    raise self._error(*value["error"])
                yield value

    def _given_up(self) -> SpreadsheetError:
        reason = tr(
            "its reader stopped in the middle, or needed far more memory than such a file may"
        )
        hint = tr("open it in Excel or LibreOffice and save it as .xlsx")
        return damaged(self._source.file, reason, hint)

    def _error(self, message: str, hint: str, code: str, row: int | None) -> MailmergeError:
        if code == "file-protected":
            return protected(self._source.file)
        if code == "wrong-value":  # `locale` is checked where the sheet's language is known
            return CampaignError(message, hint=hint, code=code)
        return SpreadsheetError(message, file=self._source.file, row=row, hint=hint, code=code)


def _take_notes(sheet: Sheet, notes: dict[str, Any]) -> None:
    """Keep what the other process noticed; of XLSB it reads less."""
    sheet.merged = [Range(*start, *end) for start, end in notes["merged"]]
    sheet.plain = notes["numbers"]
    sheet.hidden = notes.get("hidden", [])
    sheet.hidden_columns = [(first, last) for first, last in notes.get("hidden_columns", ())]
    sheet.faults = [SeenCell(*seen) for seen in notes.get("faults", ())]
    sheet.uncertain = {seen[1]: SeenCell(*seen) for seen in notes.get("uncertain", ())}
    sheet.guessed = SeenCell(*notes["guessed"]) if notes.get("guessed") else None
    sheet.locale = notes.get("locale", "")


def _search_path() -> str:
    """Where the other process finds this package, and all that this process was told."""
    return os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", ""))))
