"""Take the picture of the preview for README.md again: python -m tests.preview.picture

It needs Chromium and a font with Chinese, Japanese and Korean characters.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.preview.campaigns import running

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "images" / "preview.png"
SIZE = (1120, 640)


def take_picture(chromium: str, target: Path) -> None:
    """Show the sample newsletter in the preview, and write a picture of the page."""
    with tempfile.TemporaryDirectory() as folder:
        campaign = shutil.copytree(ROOT / "samples" / "newsletter", Path(folder) / "newsletter")
        with running(campaign, watch=False) as preview, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
            page.goto(preview.address)
            page.get_by_role("tab", name="Message").wait_for()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=target, animations="disabled")
            browser.close()


if __name__ == "__main__":
    found = shutil.which("chromium")
    if found is None:
        sys.exit("chromium is missing")
    take_picture(found, Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE)
