"""The XML of a workbook, as a stream of elements in constant memory.

A reader that builds a tree keeps a whole element before it shows it, and one element can be all of
a file. So expat calls a function for each tag, and nothing is kept but what that function keeps.
What no function sees is bounded too: document types and entities are refused, a tag takes at most
1 MB, elements nest at most 100 deep, and the tags of a workbook are counted as they go by.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import IO, NoReturn
from xml.parsers import expat

from mailmerge.errors import SpreadsheetError
from mailmerge.language import tr
from mailmerge.library_messages import reader_message
from mailmerge.recipients.bounds import CELL_CHARACTERS, Budget, too_large
from mailmerge.recipients.input_file import damaged

_BLOCK = 1 << 16
_LONGEST_TAG = 1 << 20
_DEEPEST = 100
_KEPT_BYTES = 32 << 20


class ElementReader(ABC):
    """Reads one part of a workbook; a subclass says what `start` and `end` of an element mean.

    The names of elements and attributes have their prefixes.

    Attributes:
        budget: what the workbook may cost.
        pieces: the text that is being collected.
    """

    def __init__(self, budget: Budget) -> None:
        """Read with this budget; its `file` is the name in messages."""
        self.budget = budget
        self._parser: expat.XMLParserType | None = None
        self._depth = 0
        self.pieces: list[str] = []

    @abstractmethod
    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Called at the start of an element."""

    @abstractmethod
    def end(self, name: str) -> None:
        """Called at the end of an element."""

    def too_long(self) -> SpreadsheetError:
        """The error of a text with too many characters."""
        return damaged(
            self.budget.file,
            tr(
                "a text has more than {cell_characters:,} characters",
                cell_characters=CELL_CHARACTERS,
            ),
        )

    def read(self, part: IO[bytes]) -> None:
        """Read a part from its beginning to its end.

        Raises:
            SpreadsheetError: it is not XML, it has a document type, or it exceeds a bound.
        """
        parser = self._parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.StartDoctypeDeclHandler = self._refuse_document_type
        fed = 0
        try:
            while block := part.read(_BLOCK):
                self.budget.tags(block.count(b"<"))
                parser.Parse(block)
                fed += len(block)
                if fed - parser.CurrentByteIndex > _LONGEST_TAG:
                    raise damaged(self.budget.file, tr("a tag of its XML has more than 1 MB"))
                if len(self.pieces) > 1:
                    self._check_length()
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise damaged(
                self.budget.file,
                tr("its XML is broken ({error})", error=reader_message(str(error))),
            ) from error
        finally:
            self._parser = None  # it refers to this object

    def enter(self) -> None:
        """Note the start of an element that a subclass does not know; `leave` notes its end."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise damaged(
                self.budget.file,
                tr("its XML has more than {deepest} elements in another", deepest=_DEEPEST),
            )

    def leave(self) -> None:
        """Note the end of an element."""
        self._depth -= 1

    def collect(self) -> None:
        """Collect text from here on, after what was collected before."""
        if self._parser is not None:
            self._parser.CharacterDataHandler = self.pieces.append

    def pause(self) -> None:
        """Collect no text for now."""
        if self._parser is not None:
            self._parser.CharacterDataHandler = None

    def collected(self) -> str:
        """Return the text collected since the last call.

        Raises:
            SpreadsheetError: it has too many characters.
        """
        pieces = self.pieces
        text = pieces[0] if len(pieces) == 1 else "".join(pieces)
        pieces.clear()
        if len(text) > CELL_CHARACTERS:
            raise self.too_long()
        return text

    def _check_length(self) -> None:
        if sum(map(len, self.pieces)) > CELL_CHARACTERS:
            raise self.too_long()

    def _refuse_document_type(self, *_: object) -> NoReturn:
        raise damaged(self.budget.file, tr("its XML has a document type"))


class _Attributes(ElementReader):
    """Keeps the attributes of some elements, and where their ends are."""

    def __init__(self, budget: Budget, names: Collection[str]) -> None:
        super().__init__(budget)
        self._names = frozenset(names)
        self._left = _KEPT_BYTES
        self.found: list[tuple[str, Mapping[str, str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.enter()
        name = name.rpartition(":")[2]
        if name in self._names:
            texts = sum(map(sys.getsizeof, attributes.values()))
            self._left -= 250 + texts
            if self._left < 0:
                raise too_large(tr("has too many styles, names or relations"), self.budget.file)
            self.found.append((name, attributes))

    def end(self, name: str) -> None:
        self.leave()
        name = name.rpartition(":")[2]
        if name in self._names:
            self._left -= 80
            self.found.append((f"/{name}", {}))


def read_attributes(
    part: IO[bytes], budget: Budget, *names: str
) -> list[tuple[str, Mapping[str, str]]]:
    """The start of each element with one of these names, and its end as `/name`.

    The names are without prefixes; the attributes are as the file has them.

    Raises:
        SpreadsheetError: as for `ElementReader.read`.
    """
    reader = _Attributes(budget, names)
    reader.read(part)
    return reader.found
