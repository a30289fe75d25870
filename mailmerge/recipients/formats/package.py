"""A workbook's ZIP file as a package of parts (ECMA-376, part 2): parts are found by relations.

No part has a fixed name. `_rels/.rels` names the main part, the relations of that one its sheets,
styles and texts. Programs write the names with slashes or backslashes, and in any case.
"""

from __future__ import annotations

import posixpath
import zipfile
from dataclasses import dataclass
from typing import IO
from urllib.parse import unquote

from mailmerge.language import tr
from mailmerge.recipients.bounds import Budget
from mailmerge.recipients.formats.xml_stream import read_attributes
from mailmerge.recipients.input_file import damaged

_TYPES = "[Content_Types].xml"


@dataclass(frozen=True, slots=True)
class _Relation:
    """A relation of a part: its id, the last word of its type, and the part that it leads to."""

    id: str
    kind: str
    target: str


class Package:
    """The parts of a ZIP file, under names with slashes and in any case."""

    def __init__(self, archive: zipfile.ZipFile, budget: Budget) -> None:
        """`budget` counts what the parts cost."""
        self._archive = archive
        self._budget = budget
        self._file = budget.file
        self._names = {_key(name): name for name in archive.namelist()}

    def has(self, part: str) -> bool:
        """Whether there is a part with this name."""
        return _key(part) in self._names

    def open(self, part: str) -> IO[bytes]:
        """Open a part.

        Raises:
            SpreadsheetError: there is none.
        """
        known = self._names.get(_key(part))
        if known is None:
            raise damaged(self._file, tr("the part {part} is missing", part=part[:100]))
        return self._archive.open(known)

    def main_part(self) -> str:
        """The part that the package is about; empty if it does not say so."""
        relations = self.relations("")
        return next((one.target for one in relations if one.kind == "officeDocument"), "")

    def content_type(self, part: str) -> str:
        """What a part is, as the package's list of types says; empty if it is not listed."""
        if not self.has(_TYPES):
            return ""
        with self.open(_TYPES) as stream:
            found = read_attributes(stream, self._budget, "Override")
        listed = {_key(one.get("PartName", "")): one.get("ContentType", "") for _, one in found}
        return listed.get(_key(part), "")

    def relations(self, part: str) -> list[_Relation]:
        """The relations of a part, or of the package itself for an empty name."""
        folder, name = posixpath.split(part)
        listed = posixpath.join(folder, "_rels", f"{name}.rels")
        if not self.has(listed):
            return []
        with self.open(listed) as stream:
            found = read_attributes(stream, self._budget, "Relationship")
        return [
            _Relation(
                one.get("Id", ""), one.get("Type", "").rpartition("/")[2],
                self._target(folder, one.get("Target", "")),
            )
            for tag, one in found
            if tag == "Relationship" and one.get("TargetMode", "Internal") != "External"
        ]  # fmt: skip

    def _target(self, folder: str, target: str) -> str:
        path = posixpath.join("/", folder, target.replace("\\", "/"))
        part = posixpath.normpath(path).lstrip("/")
        return part if self.has(part) else unquote(part)


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").casefold()
