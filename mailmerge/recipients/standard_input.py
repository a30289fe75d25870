"""`file = "-"`: the recipients come from standard input, which is read once for all passes.

A check, the enrolment and the run each read the recipients from the first row. So the first one
copies standard input into a private temporary file, and everything in this process reads the copy.
From then on standard input is at its end: `mailmerge.cli.questions` asks on the terminal instead.
"""

from __future__ import annotations

import sys
from threading import Lock
from typing import TextIO

from mailmerge.errors import CampaignError
from mailmerge.recipients.input_file import InputFile, spool

STANDARD_INPUT = "-"
"""What `file` under [recipients] says for standard input."""


class _StandardInput:
    """Standard input as a file that can be read again; made once per process, as `standard_input`.

    The copy belongs to one stream: where a host program puts another one in the place of
    `sys.stdin`, that one is read.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._stream: TextIO | None = None
        self._copy: InputFile | None = None

    @property
    def was_read(self) -> bool:
        """Whether the present standard input was read for recipients."""
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
                        'file = "-" reads the recipients from standard input, and nothing is there',
                        hint="pipe the spreadsheet into the command, "
                        "or set file under [recipients]",
                        code="no-standard-input",
                    )
                self._copy, self._stream = spool(stream.buffer, "standard input"), stream
            return self._copy


standard_input = _StandardInput()
"""The one of this process."""
