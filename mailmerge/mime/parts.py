"""Files of the campaign folder -> body parts, each read and encoded once.

The path from a template or a cell gives a body part in base64, one object that all messages share.
A path is data: it must lead to a regular file inside the campaign folder. The least recently used
parts are dropped, so that ten thousand invoices do not stay in memory.
"""

from __future__ import annotations

import unicodedata
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from threading import Lock

from mailmerge.content_files import ContentFiles
from mailmerge.errors import AssetError
from mailmerge.language import marked, tr
from mailmerge.library_messages import system_reason
from mailmerge.mime.headers import check_line
from mailmerge.mime.media_types import calendar_method, charset_of, media_type_of
from mailmerge.mime.parameters import name_parameter, parameter, parameterised_field
from mailmerge.octets import base64_lines
from mailmerge.paths import RefusedPath
from mailmerge.recipients.address import BIDI_CONTROLS
from mailmerge.wording import size_in_words

_NO_BIDI_CONTROLS = dict.fromkeys(map(ord, BIDI_CONTROLS))
_LARGEST_FILE = 50_000_000  # bytes; more than any well-known server accepts
_KEPT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EncodedPart:
    """One file as a body part.

    Attributes:
        media_type: such as `image/png`.
        file_name: the name that readers show.
        attached: the fields of the part where it is attached, and an empty line.
        encoded: its base64, in lines.
        size: the bytes of the file itself.
        charset: of a text whose encoding is certain; empty otherwise.
        method: of a calendar (RFC 5545, 3.7.2); empty otherwise.
    """

    media_type: str
    file_name: str
    attached: bytes
    encoded: bytes
    size: int
    charset: str = ""
    method: str = ""


class PartStore:
    """The files of one campaign folder. Thread-safe; a file is read by one thread at a time.

    Attributes:
        files: opens the files, and notes which were read.
    """

    def __init__(
        self,
        files: ContentFiles | Path,
        *,
        largest_file: int = _LARGEST_FILE,
        kept_bytes: int = _KEPT_BYTES,
    ) -> None:
        """Read files of a campaign folder.

        Args:
            files: opens the files of the campaign; or the folder, if no file in it is private.
            largest_file: the largest size of a file, in bytes.
            kept_bytes: the largest size of all encoded parts in memory, in bytes.
        """
        self.files = ContentFiles(files) if isinstance(files, Path) else files
        self._largest_file = largest_file
        self._kept_bytes = kept_bytes
        self._parts: OrderedDict[str, EncodedPart] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def part(self, path: str, name: str = "") -> EncodedPart:
        """The file as a body part; `path` is relative to the campaign folder.

        `name` is the name that readers show; "" for that of the file.

        Raises:
            AssetError: no such file, an empty or too large one, not a regular file, or a path that
                leads out of the campaign folder. It names the path; the caller adds the row.
            MessageError: a control character in the path or the name.
        """
        with self._lock:
            part = self._parts.get(path)
            if part is not None:
                self._parts.move_to_end(path)
            else:
                part = self._parts[path] = self._read(path)
                self._size += len(part.encoded)
                self._drop_oldest()
        return _renamed(part, path, name) if name else part

    def _drop_oldest(self) -> None:
        while self._size > self._kept_bytes:
            _, dropped = self._parts.popitem(last=False)
            self._size -= len(dropped.encoded)

    def _read(self, path: str) -> EncodedPart:
        check_line(marked("the file name"), path)
        content = self._content(path)
        file_name = _sent_name(path)
        if not file_name:
            raise _error(path, tr("the name has no visible character"), tr("rename it"), "nameless")
        media_type = media_type_of(file_name, content)
        charset = charset_of(content) if media_type.startswith("text/") else ""
        method = calendar_method(content) if media_type == "text/calendar" else ""
        attached = part_fields(media_type, file_name, charset, "attachment", method) + b"\r\n"
        encoded = base64_lines(content)
        return EncodedPart(media_type, file_name, attached, encoded, len(content), charset, method)

    def _content(self, path: str) -> bytes:
        try:
            content = self.files.read(path, self._largest_file)
        except RefusedPath as error:
            refusal = error.refusal
            raise AssetError(
                refusal.message,
                hint=refusal.hint,
                file=path or tr("an empty path"),
                code=refusal.code,
            ) from error
        except FileNotFoundError as error:
            near = self.files.nearest(path)
            hint = (
                tr('did you mean "{near}"?', near=near)
                if near
                else tr("copy it there, or correct the path")
            )
            raise _error(path, tr("there is no such file"), hint, "missing") from error
        except IsADirectoryError as error:
            hint = tr("name a file, not a folder or a device")
            raise _error(path, tr("is not a file"), hint, "not-a-file") from error
        except (OSError, ValueError) as error:
            reason = system_reason(error) if isinstance(error, OSError) else str(error)
            hint = tr("check its name and its permissions")
            raise _error(
                path, tr("cannot be read: {reason}", reason=reason), hint, "unreadable"
            ) from error
        if not content:
            raise _error(
                path, tr("the file is empty"), tr("replace it with the right one"), "empty"
            )
        if len(content) > self._largest_file:
            bound = size_in_words(self._largest_file)
            hint = tr("put it on a web page, and send the link")
            what = tr("is larger than {bound}, more than mail servers accept", bound=bound)
            raise _error(path, what, hint, "too-large")
        return content


def _renamed(part: EncodedPart, path: str, name: str) -> EncodedPart:
    """The part under another name; the media type stays that of the file."""
    check_line(marked("the file name"), name)
    file_name = _sent_name(name)
    if not file_name:
        raise _error(path, tr("the name has no visible character"), tr("rename it"), "nameless")
    method = part.method
    attached = part_fields(part.media_type, file_name, part.charset, "attachment", method)
    return replace(part, file_name=file_name, attached=attached + b"\r\n")


def _error(path: str, message: str, hint: str, code: str) -> AssetError:
    shown = path or tr("an empty path")
    return AssetError(message, hint=hint, file=shown, code=f"asset-{code}")


def part_fields(
    media_type: str, file_name: str, charset: str, disposition: str, method: str = ""
) -> bytes:
    """Content-Type, Content-Disposition (RFC 2183) and Content-Transfer-Encoding of a file.

    `method` is that of a calendar, which its Content-Type must name (RFC 5545, 3.7.2).
    """
    parameters = [f'charset="{charset}"'] if charset else []
    parameters += [f"method={method}"] if method else []
    parameters += name_parameter(file_name)
    file_name_parameter = parameter("filename", file_name)
    return (
        parameterised_field("Content-Type", media_type, *parameters)
        + parameterised_field("Content-Disposition", disposition, *file_name_parameter)
        + b"Content-Transfer-Encoding: base64\r\n"
    )


def _sent_name(path: str) -> str:
    """The name without its folders, and without the marks that make a name look like another.

    U+202E lets `gpj.exe` be read as `exe.jpg`. Other invisible marks belong to a script: Persian
    and Hindi are written with them, and emoji are joined by them.
    """
    name = PurePosixPath(path.replace("\\", "/")).name.translate(_NO_BIDI_CONTROLS)
    return unicodedata.normalize("NFC", name)  # as Windows and the web write names
