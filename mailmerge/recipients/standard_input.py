"""`file = "-"`: the recipients come from standard input, which is read once for all passes.

The check, the enrolment and the run each read the recipients from the first row. So the first of
them copies standard input into a private temporary file, and this process reads only the copy.
Standard input is then at its end, and `mailmerge.cli.questions` asks on the terminal instead.
"""

from __future__ import annotations

import sys
from threading import Lock
from typing import TextIO

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.recipients.input_file import InputFile, spool

STANDARD_INPUT = "-"
"""The value of `file` under [recipients] that means standard input."""


class _StandardInput:
    """Standard input as a file that can be read again; `standard_input` is the only instance.

    The copy belongs to one stream: if a host program replaces `sys.stdin`, the new stream is read.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._stream: TextIO | None = None
        self._copy: InputFile | None = None

    @property
    def was_read(self) -> bool:
        """Whether the current `sys.stdin` was read for recipients."""
        return self._copy is not None and self._stream is sys.stdin

    def file(self) -> InputFile:
        """The copy; the first call reads standard input to its end.

        Raises:
            CampaignError: standard input is a terminal, or there is none.
            SpreadsheetError: it cannot be read or copied.
        """
        with self._lock:
            stream = sys.stdin
            if self._copy is None or self._stream is not stream:
                if stream is None or stream.closed or stream.isatty():
                    raise CampaignError(
                        tr(
                            'file = "-" reads recipients from standard input, and there is no input'
                        ),
                        hint=tr(
                            "pipe the spreadsheet into the command, or set file under [recipients]"
                        ),
                        code="no-standard-input",
                    )
                self._copy, self._stream = spool(stream.buffer, tr("standard input")), stream
            return self._copy


standard_input = _StandardInput()
"""Standard input of this process."""
