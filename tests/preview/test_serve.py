"""serve_preview in the main thread, until Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import threading
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from mailmerge.errors import CampaignError
from mailmerge.preview.serve import serve_preview
from tests.preview.campaigns import until, write_campaign


def test_the_address_is_printed_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    said: list[str] = []
    served: list[int] = []

    def visit() -> None:
        address = re.search(r"http://\S+", said[-1])
        assert address is not None

        def answers() -> bool:
            try:
                with urlopen(address[0]) as response:
                    served.append(response.status)
            except URLError:
                return False
            return True

        until(answers)
        os.kill(os.getpid(), signal.SIGINT)

    visitor = threading.Thread(target=visit)

    def say(line: str) -> None:
        said.append(line)
        if "http://" in line:
            visitor.start()

    serve_preview(write_campaign(tmp_path), open_browser=False, say=say)
    visitor.join()
    assert served == [200]
    assert len(said) == 2


def test_a_folder_without_a_campaign_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="mailmerge init"):
        serve_preview(tmp_path, open_browser=False)
    assert list(tmp_path.iterdir()) == []
