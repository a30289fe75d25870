"""The preview in a browser: a real server, Debian's Chromium, elements by role and label.

Screenshots are written to test-output/preview.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NoReturn
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from mailmerge.preview.static_pages import write_static_pages
from mailmerge.sandbox import Sandbox
from tests.preview.campaigns import (
    BODY,
    CAMPAIGN,
    HOSTILE_NAME,
    Running,
    running,
    until,
    write_campaign,
    write_hostile,
)

pytestmark = pytest.mark.real

expect.set_options(timeout=30_000)  # milliseconds; five seconds are too few on a busy machine

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "test-output" / "preview"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TABS = ("Message", "Text", "Source", "Headers", "Parts", "Row", "Problems")
AXE = "4.10.3"
Scheme = Literal["light", "dark"]


def missing(what: str) -> NoReturn:
    """Something that the tests need is missing: fail in CI, skip elsewhere."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        missing("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core; npm installs it into a temporary folder."""
    folder = tmp_path_factory.mktemp("axe")
    npm = shutil.which("npm")
    if npm is None:
        missing("npm")
    wanted = [npm, "install", "--no-save", "--silent", "--prefix", str(folder), f"axe-core@{AXE}"]
    if subprocess.run(wanted, capture_output=True, check=False, timeout=180).returncode:
        missing("axe-core")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_campaign(tmp_path / "campaign")


@pytest.fixture
def preview(folder: Path) -> Iterator[Running]:
    with running(folder) as preview:
        yield preview


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    errors: list[str] = []
    context.on("weberror", lambda raised: errors.append(str(raised.error)))
    yield context
    context.close()
    assert errors == []


@pytest.fixture
def page(context: BrowserContext, preview: Running) -> Page:
    page = context.new_page()
    page.goto(preview.address)
    expect(title(page)).to_have_text("Anna Schmidt")
    return page


def title(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("heading", level=2)


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=re.compile(f"^{name}")).click()


def panel(page: Page) -> Locator:
    return page.get_by_role("tabpanel")


def body(page: Page) -> Locator:
    """The message inside its frame."""
    return page.frame_locator("iframe").first.locator("body")


def screenshot(page: Page, name: str) -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=OUTPUT / f"{name}.png", animations="disabled")


# -- 1. recipients -------------------------------------------------------------------------------


def test_a_recipient_is_found_by_search_row_and_steps(page: Page) -> None:
    side = page.get_by_role("complementary", name="Recipients")
    expect(side.get_by_role("listitem")).to_have_count(8)
    side.get_by_role("searchbox", name="Search all columns").fill("1005")
    expect(side.get_by_role("listitem")).to_have_count(1)
    side.get_by_role("link", name="Eve Long-Name-Indeed").click()
    expect(title(page)).to_have_text("Eve Long-Name-Indeed")
    side.get_by_role("spinbutton", name="Go to row").fill("3")
    side.get_by_role("spinbutton", name="Go to row").press("Enter")
    expect(title(page)).to_have_text("Bernard Dupont")
    page.get_by_role("button", name="Next recipient").first.click()
    expect(title(page)).to_have_text("Chris Miller")
    page.get_by_role("button", name="Previous recipient").first.click()
    expect(title(page)).to_have_text("Bernard Dupont")


def test_statuses_are_shown_and_filtered(page: Page) -> None:
    side = page.get_by_role("complementary", name="Recipients")
    expect(side.get_by_role("listitem").nth(3)).to_contain_text("duplicate")
    expect(side.get_by_role("listitem").nth(2)).to_contain_text("1 error")
    for name, recipient in (
        ("Duplicates", "Anna Again"),
        ("Suppressed", "Gina"),
        ("Left out", "Fred"),
    ):
        side.get_by_role("button", name=name).click()
        expect(side.get_by_role("listitem")).to_have_count(1)
        expect(side.get_by_role("listitem")).to_contain_text(recipient)
    side.get_by_role("button", name="Problems").click()
    expect(side.get_by_role("link", name="Chris Miller")).to_be_visible()


def test_the_review_set_shows_counts_and_reasons(page: Page) -> None:
    side = page.get_by_role("complementary", name="Recipients")
    side.get_by_role("button", name="Review set").click()
    expect(side.get_by_text("represent all 4")).to_be_visible()
    expect(side.get_by_text("longest subject")).to_be_visible()
    screenshot(page, "review-set")


@contextmanager
def page_of_many(browser: Browser, folder: Path, count: int) -> Iterator[Page]:
    """The page of a campaign with the recipients P0, P1, P2 and so on."""
    rows = "".join(f"p{at}@example.org,P{at},DE,1,0,x\n" for at in range(count))
    write_campaign(folder, recipients="email,name,country,invoice,things,notes\n" + rows)
    with running(folder) as preview, browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.goto(preview.address)
        yield page


def test_keys_step_over_the_end_of_a_list_page(browser: Browser, tmp_path: Path) -> None:
    with page_of_many(browser, tmp_path, 120) as page:
        pager = page.get_by_role("navigation", name="Recipients")
        expect(pager).to_contain_text("1–50 of 120")
        pager.get_by_role("button", name="Next page").click()
        expect(pager).to_contain_text("51–100 of 120")
        side = page.get_by_role("complementary", name="Recipients")
        side.get_by_role("link").last.click()
        expect(title(page)).to_have_text("P99")
        page.keyboard.press("j")
        expect(title(page)).to_have_text("P100")
        expect(pager).to_contain_text("101–120 of 120")


def test_every_step_counts_while_a_message_is_loading(browser: Browser, tmp_path: Path) -> None:
    with page_of_many(browser, tmp_path, 20) as page:
        expect(title(page)).to_have_text("P0")
        # All in one task of the page, so that no response of the server can come in between.
        pressed = "new KeyboardEvent('keydown', { key, bubbles: true })"
        page.evaluate(f"for (const key of 'jjjjjk') document.body.dispatchEvent({pressed})")
        expect(title(page)).to_have_text("P4")
        page.evaluate(f"for (const key of 'kkkkkkkkj') document.body.dispatchEvent({pressed})")
        expect(title(page)).to_have_text("P1")


# -- 2. the message ------------------------------------------------------------------------------


def test_the_message_is_shown_as_in_a_mail_program(page: Page) -> None:
    expect(body(page)).to_contain_text("Dear Anna Schmidt,")
    inbox = page.get_by_role("figure", name="In the inbox")
    expect(inbox).to_contain_text("Example News")
    expect(inbox).to_contain_text("Anna Schmidt, your invoice 1001")
    expect(inbox).to_contain_text("Guten Tag!")
    logo = page.frame_locator("iframe").get_by_alt_text("Logo")
    assert logo.evaluate("image => image.naturalWidth") == 1


def frame_width(page: Page) -> float:
    return float(page.locator("iframe").evaluate("frame => frame.contentWindow.innerWidth"))


def test_the_width_can_be_chosen_and_dragged(page: Page) -> None:
    for name, width in (("Phone", 375), ("Tablet", 768), ("Desktop", 1100)):
        page.get_by_role("button", name=name).click()
        assert frame_width(page) == width
    handle = page.get_by_role("slider", name="Width of the message")
    handle.focus()
    handle.press("ArrowLeft")
    expect(handle).to_have_attribute("aria-valuenow", "1090")
    page.get_by_role("button", name="Phone").click()
    box = handle.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 55, box["y"] + 60, steps=5)
    page.mouse.up()
    expect(handle).to_have_attribute("aria-valuenow", "475")
    assert frame_width(page) == 475


def computed(page: Page, element: str, name: str) -> str:
    """A computed style of the message in its frame."""
    # Between two views the frame has no document for a moment.
    script = (
        "(frame, [element, name]) => { const found = frame.contentDocument?.[element];"
        " return found ? getComputedStyle(found)[name] : ''; }"
    )
    return str(page.locator("iframe").evaluate(script, [element, name]))


def test_dark_inverted_no_images_and_no_styles(page: Page) -> None:
    page.get_by_role("button", name="Dark").click()
    until(lambda: computed(page, "body", "backgroundColor") == "rgb(16, 16, 16)")
    page.get_by_role("button", name="<style>").click()
    until(lambda: computed(page, "body", "backgroundColor") == "rgba(0, 0, 0, 0)")
    page.get_by_role("button", name="Inverted").click()
    until(lambda: "invert" in computed(page, "documentElement", "filter"))
    page.get_by_role("button", name="Images").click()
    logo = page.frame_locator("iframe").get_by_alt_text("Logo")
    expect(logo).not_to_have_attribute("src", re.compile("."))


def test_text_source_headers_and_parts_are_shown(page: Page, tmp_path: Path) -> None:
    tab(page, "Text")
    expect(panel(page)).to_contain_text("here is invoice 1001.")
    tab(page, "Source")
    expect(panel(page)).to_contain_text('<p class="thing"')
    tab(page, "Headers")
    expect(panel(page)).to_contain_text("Anna Schmidt, your invoice 1001")
    envelope = page.get_by_role("heading", name="Envelope").locator("..")
    expect(envelope).to_contain_text("news@example.org")
    expect(envelope).to_contain_text("anna@example.org")
    tab(page, "Parts")
    expect(panel(page)).to_contain_text("multipart/related")
    expect(panel(page)).to_contain_text("<logo")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open: terms.txt").click()
    expect(opened.value.locator("body")).to_contain_text("The terms.")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download .eml").click()
    download.value.save_as(tmp_path / "message.eml")
    data = (tmp_path / "message.eml").read_bytes()
    assert data.startswith(b"From: Example News")
    assert b"\r\n" in data
    page.get_by_text("Raw message").click()
    expect(panel(page)).to_contain_text("Content-Transfer-Encoding")


# -- 3 and 4. the row, the problems --------------------------------------------------------------


def test_the_row_shows_which_cells_are_used(page: Page) -> None:
    tab(page, "Row")
    expect(page.get_by_role("row", name="country")).to_contain_text("used")
    expect(page.get_by_role("row", name="notes")).to_contain_text("not used")


def test_problems_links_and_size_are_shown(page: Page) -> None:
    tab(page, "Problems")
    expect(panel(page)).to_contain_text("is already in row 2")
    expect(page.get_by_role("meter", name="Size")).to_be_visible()
    link = page.get_by_role("listitem").filter(has_text="Unsubscribe")
    expect(link).to_contain_text("unsubscribe")
    panel(page).get_by_role("link", name="4", exact=True).click()
    expect(title(page)).to_have_text("Chris Miller")
    expect(panel(page)).to_contain_text("no @ sign")
    tab(page, "Message")
    expect(panel(page)).to_contain_text("This row gets no message")


# -- 5. live -------------------------------------------------------------------------------------


def test_a_change_keeps_recipient_tab_and_scroll_position(page: Page, folder: Path) -> None:
    (folder / "body.html").write_text(BODY.replace("range(things|int)", "range(90)"))
    expect(body(page)).to_contain_text("thing 89")
    page.keyboard.press("j")
    expect(body(page)).to_contain_text("Dear Bernard Dupont")
    main = page.get_by_role("main")
    main.evaluate("main => { main.scrollTop = 700 }")
    (folder / "body.html").write_text(BODY.replace("range(things|int)", "range(91)"))
    expect(body(page)).to_contain_text("thing 90")
    assert main.evaluate("main => main.scrollTop") == 700
    expect(title(page)).to_have_text("Bernard Dupont")
    tab(page, "Text")
    (folder / "body.txt").write_text("Quite another text for {{ name }}.\n")
    expect(panel(page)).to_contain_text("Quite another text for Bernard Dupont.")
    (folder / "recipients.csv").write_text(
        (folder / "recipients.csv").read_text(encoding="utf-8").replace("Bernard", "Benoît"),
        encoding="utf-8",
    )
    expect(title(page)).to_have_text("Benoît Dupont")
    (folder / "campaign.toml").write_text(CAMPAIGN.replace("your invoice", "our bill"))
    tab(page, "Headers")
    expect(panel(page)).to_contain_text("Benoît Dupont, our bill")
    expect(page.get_by_role("tab", selected=True)).to_have_text(re.compile("Headers"))


def test_a_template_error_is_shown_until_it_is_fixed(page: Page, folder: Path) -> None:
    (folder / "body.html").write_text(BODY.replace("Dear {{ name }}", "Dear {{ nmae }}"))
    alert = page.get_by_role("alert").first
    expect(alert).to_contain_text("body.html · line 6")
    expect(alert).to_contain_text("Dear {{ nmae }}")
    expect(alert).to_contain_text("Row 2")
    screenshot(page, "template-error")
    (folder / "body.html").write_text(BODY)
    expect(body(page)).to_contain_text("Dear Anna Schmidt")
    expect(page.get_by_role("alert")).to_have_count(0)
    (folder / "campaign.toml").write_text("[message")
    expect(page.get_by_role("alert")).to_contain_text("campaign.toml")
    tab(page, "Row")
    expect(page.get_by_role("alert")).to_contain_text("campaign.toml")
    expect(page.get_by_role("row", name="name")).to_contain_text("Anna Schmidt")
    tab(page, "Message")
    (folder / "campaign.toml").write_text(CAMPAIGN)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_page_without_its_preview_raises_no_errors(browser: Browser, folder: Path) -> None:
    errors: list[str] = []
    with browser.new_context(locale="en-GB") as context:
        context.on("weberror", lambda raised: errors.append(str(raised.error)))
        page = context.new_page()
        with running(folder) as preview:
            page.goto(preview.address)
            expect(title(page)).to_have_text("Anna Schmidt")
        expect(page.get_by_text("Preview has stopped").first).to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("dupont")
        page.keyboard.press("Escape")
        page.get_by_role("spinbutton", name="Go to row").fill("3")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Next recipient").click()
        expect(page.get_by_role("main")).to_contain_text("Preview has stopped")
        page.get_by_role("group", name="Show").get_by_role("button").first.click()
    assert errors == []


def test_a_page_continues_with_a_restarted_preview(context: BrowserContext, folder: Path) -> None:
    page = context.new_page()
    with running(folder) as first:
        page.goto(f"{first.address}#/recipient/bernard%40example.org/message")
        expect(body(page)).to_contain_text("Dear Bernard")
    expect(page.get_by_text("Preview has stopped")).to_be_visible()
    (folder / "body.html").write_text(BODY.replace("Dear", "Hello again,"))
    with running(folder) as second:
        assert second.address == first.address
        expect(body(page)).to_contain_text("Hello again, Bernard")
        expect(page.get_by_text("Live", exact=True)).to_be_visible()


# -- 6. side by side -----------------------------------------------------------------------------


def test_two_messages_are_compared(page: Page) -> None:
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("iframe")).to_have_count(2)
    second = page.frame_locator("iframe").nth(1).locator("body")
    expect(second).to_contain_text("Dear Bernard Dupont")
    expect(page.frame_locator("iframe").first.locator("body")).to_contain_text("Dear Anna")
    screenshot(page, "compare")
    tab(page, "Text")
    expect(page.locator("del")).to_have_text(["Anna", "Schmidt", "1001"])
    expect(page.locator("ins")).to_have_text(["Bernard", "Dupont", "1002"])
    page.get_by_role("button", name="End comparison").click()
    expect(page.locator("del")).to_have_count(0)


# -- 7 and 8. test messages, the sandbox ---------------------------------------------------------


def test_a_test_message_arrives_in_the_sandbox(context: BrowserContext, folder: Path) -> None:
    with Sandbox(folder / ".mailmerge" / "sandbox") as sandbox:
        smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {sandbox.server.port}\nsecurity = "none"\n'
        (folder / "campaign.toml").write_text(CAMPAIGN + smtp)
        with running(folder) as preview:
            page = context.new_page()
            page.goto(preview.address)
            page.get_by_role("button", name="Send test message").click()
            dialog = page.get_by_role("dialog", name="Send test message")
            expect(dialog).to_contain_text("instead of anna@example.org")
            dialog.get_by_label("Your address").fill("anna@example.org")
            dialog.get_by_role("button", name="Send", exact=True).click()
            expect(dialog.get_by_role("status")).to_contain_text("row itself")
            assert len(sandbox.messages) == 0
            dialog.get_by_label("Your address").fill("me@example.net")
            dialog.get_by_role("button", name="Send", exact=True).click()
            expect(dialog.get_by_role("status")).to_contain_text("The server accepted it: 250")
            screenshot(page, "test-message")
            assert len(sandbox.messages) == 1
            page.keyboard.press("Escape")
            expect(dialog).to_have_count(0)
            side = page.get_by_role("complementary", name="Recipients")
            side.get_by_role("button", name="Sandbox").click()
            side.get_by_role("link", name="[test for anna@example.org] Anna Schmidt").click()
            expect(body(page)).to_contain_text("Dear Anna Schmidt")
            tab(page, "Headers")
            expect(panel(page)).to_contain_text("me@example.net")
            screenshot(page, "sandbox")


# -- 9. keys, addresses, languages, static pages -------------------------------------------------


def test_everything_can_be_reached_by_keys(page: Page) -> None:
    page.keyboard.press("j")
    expect(title(page)).to_have_text("Bernard Dupont")
    page.keyboard.press("k")
    expect(title(page)).to_have_text("Anna Schmidt")
    for number, name in enumerate(TABS, 1):
        page.keyboard.press(str(number))
        expect(page.get_by_role("tab", selected=True)).to_contain_text(name)
    page.keyboard.press("1")
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Phone")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("d")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("i")
    expect(page.get_by_role("button", name="Images")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Search all columns")
    expect(search).to_be_focused()
    page.keyboard.type("jkd1")
    expect(search).to_have_value("jkd1")
    expect(title(page)).to_have_text("Anna Schmidt")
    page.keyboard.press("Escape")
    expect(search).not_to_be_focused()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("next recipient")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_keys_work_inside_the_message(page: Page) -> None:
    body(page).click()
    page.keyboard.press("j")
    expect(title(page)).to_have_text("Bernard Dupont")


def test_arrow_keys_move_between_tabs(page: Page) -> None:
    page.get_by_role("tab", name="Message").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Text")).to_be_focused()
    expect(panel(page)).to_contain_text("here is invoice")


def test_the_address_includes_recipient_and_tab(
    page: Page, context: BrowserContext, preview: Running
) -> None:
    page.keyboard.press("j")
    expect(title(page)).to_have_text("Bernard Dupont")
    tab(page, "Headers")
    expect(page).to_have_url(re.compile(r"#/recipient/bernard%40example\.org/headers$"))
    other = context.new_page()
    other.goto(page.url)
    expect(title(other)).to_have_text("Bernard Dupont")
    expect(other.get_by_role("tab", selected=True)).to_have_text("Headers")
    page.go_back()
    expect(page.get_by_role("tab", selected=True)).to_have_text("Message")
    other.goto(f"{preview.address}#/recipient/nothing%2F..%2F/message")
    expect(other.get_by_text("no longer in the spreadsheet")).to_be_visible()
    other.keyboard.press("2")
    other.get_by_role("link", name="Eve Long").click()
    expect(title(other)).to_have_text("Eve Long-Name-Indeed")


def test_a_chinese_browser_gets_chinese(browser: Browser, preview: Running) -> None:
    with browser.new_context(locale="zh-CN") as context:
        page = context.new_page()
        page.goto(preview.address)
        page.get_by_role("tab", name="问题").click()
        expect(page.get_by_role("heading", name="所有收件人")).to_be_visible()
        assert page.evaluate("document.documentElement.lang") == "zh"


def test_static_pages_show_the_same_from_disk(context: BrowserContext, folder: Path) -> None:
    out = folder.parent / "out"
    write_static_pages(folder, out)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.goto((out / "index.html").as_uri())
    expect(title(page)).to_have_text("Anna Schmidt")
    expect(body(page)).to_contain_text("Dear Anna Schmidt")
    page.keyboard.press("d")
    page.keyboard.press("j")
    expect(body(page)).to_contain_text("Dear Bernard")
    for name in TABS[1:]:
        tab(page, name)
        expect(page.get_by_role("tab", selected=True)).to_contain_text(name)
    expect(page.get_by_role("button", name="Send test message")).to_have_count(0)
    page.get_by_role("button", name="Review set").click()
    expect(page.get_by_text("longest subject")).to_be_visible()
    page.get_by_role("searchbox").fill("eve")
    expect(page.get_by_role("complementary").get_by_role("listitem")).to_have_count(1)
    screenshot(page, "static-pages")
    assert errors == []


def test_the_command_serves_until_ctrl_c(folder: Path) -> None:
    command = [sys.executable, "-m", "mailmerge", "preview", str(folder), "--no-open"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stderr is not None
        try:
            lines = [process.stderr.readline(), process.stderr.readline()]
            address = re.search(r"http://127\.0\.0\.1:\d+/[\w-]+/", lines[1])
            assert address is not None, lines
            until(lambda: _answers(address[0]))
            with urlopen(f"{address[0]}events") as events:
                assert events.readline() == b": connected\n"
                process.send_signal(signal.SIGINT)
                assert process.wait(20) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}api/campaign") as response:
            return bool(response.status == 200)
    except OSError:
        return False


def test_the_command_writes_static_pages(folder: Path) -> None:
    out = folder.parent / "pages"
    command = [sys.executable, "-m", "mailmerge", "preview", str(folder), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "Wrote 4 messages" in done.stderr
    assert (out / "index.html").is_file()


def test_the_command_reports_an_error_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mailmerge", "preview", str(tmp_path / "nowhere"), "--no-open"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "mailmerge init" in done.stderr


# -- 10. safety ----------------------------------------------------------------------------------


def test_a_hostile_row_runs_and_loads_nothing(browser: Browser, tmp_path: Path) -> None:
    write_hostile(tmp_path)
    with running(tmp_path) as preview, browser.new_context(locale="en-GB") as context:
        requested: list[str] = []
        said: list[str] = []
        context.on("request", lambda request: requested.append(request.url))
        context.on("console", lambda message: said.append(message.text))
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(f"ran: {error}"))
        page.goto(preview.address)
        for key in ("eve@example.org", "frank@example.org"):
            page.goto(f"{preview.address}#/recipient/{key}/message")
            expect(body(page)).to_contain_text("Dear")
            for name in TABS:
                tab(page, name)
            tab(page, "Message")
            frame = page.frame_locator("iframe").first
            for target in ("your page", "a link", "away"):
                frame.get_by_text(target).click()
            frame.get_by_role("button", name="Send it").click()
            for button in ("Dark", "Inverted", "Images", "Images"):
                page.get_by_role("button", name=button).click()
            expect(body(page)).to_contain_text("Dear")
        page.goto(f"{preview.address}#/recipient/eve@example.org/message")
        expect(title(page)).to_have_text(HOSTILE_NAME)
        page.wait_for_timeout(500)
        screenshot(page, "hostile")
        assert [line for line in said if "ran:" in line] == []
        own = (preview.address, "data:")
        assert [url for url in requested if not url.startswith(own)] == []
        assert page.evaluate("document.title").startswith("<script>")
        assert len(context.pages) == 1
        assert page.evaluate("document.querySelectorAll('main script, aside script').length") == 0
        assert (
            page.evaluate("document.querySelector('iframe').sandbox.value") == "allow-same-origin"
        )


def test_a_frame_opened_alone_runs_and_loads_nothing(browser: Browser, tmp_path: Path) -> None:
    write_hostile(tmp_path)
    with running(tmp_path) as preview, browser.new_context() as context:
        requested: list[str] = []
        said: list[str] = []
        context.on("request", lambda request: requested.append(request.url))
        context.on("console", lambda message: said.append(message.text))
        page = context.new_page()
        page.goto(f"{preview.address}frame?recipient=eve%40example.org")
        page.wait_for_timeout(500)
        assert [line for line in said if "ran:" in line] == []
        assert [url for url in requested if "evil" in url] == []


# -- appearance and accessibility ----------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1440])
def test_no_view_is_wider_than_the_screen(
    browser: Browser, preview: Running, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        locale="en-GB",
    )
    with context:
        page = context.new_page()
        for name in ("message", "text", "source", "headers", "parts", "cells", "problems"):
            page.goto(f"{preview.address}#/recipient/anna%40example.org/{name}")
            expect(title(page)).to_have_text("Anna Schmidt")
            if name == "message":
                expect(body(page)).to_contain_text("Dear")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            screenshot(page, f"{name}-{width}-{scheme}")


def test_on_a_phone_the_list_covers_the_message(browser: Browser, preview: Running) -> None:
    with browser.new_context(
        viewport={"width": 320, "height": 640}, locale="en-GB", has_touch=True
    ) as context:
        page = context.new_page()
        page.goto(preview.address)
        expect(title(page)).to_have_text("Anna Schmidt")
        side = page.locator("#recipients")
        expect(side).to_be_hidden()
        page.get_by_role("button", name="Recipients").tap()
        expect(side).to_be_visible()
        screenshot(page, "recipients-320-light")
        side.get_by_role("link", name="Bernard").tap()
        expect(side).to_be_hidden()
        expect(title(page)).to_have_text("Bernard Dupont")


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (320, "dark"),
        (1440, "light"),
        pytest.param(320, "light", marks=pytest.mark.long),
        pytest.param(1440, "dark", marks=pytest.mark.long),
    ],
)
def test_axe_finds_nothing_serious(
    browser: Browser, preview: Running, axe: str, width: int, scheme: Scheme
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, locale="en-GB",
        bypass_csp=True,
    )  # fmt: skip
    with context:
        page = context.new_page()
        page.goto(preview.address)
        expect(body(page)).to_contain_text("Dear")
        found: list[str] = []
        for name in ("message", "text", "source", "headers", "parts", "cells", "problems"):
            page.goto(f"{preview.address}#/recipient/anna%40example.org/{name}")
            expect(page.get_by_role("tab", selected=True)).to_be_visible()
            found += findings(page, axe, name)
        page.goto(
            f"{preview.address}#/recipient/anna%40example.org/text/with/bernard%40example.org"
        )
        expect(page.locator("del").first).to_be_visible()
        found += findings(page, axe, "difference")
        page.keyboard.press("?")
        found += findings(page, axe, "help")
        assert found == []


def findings(page: Page, axe: str, where: str) -> list[str]:
    """The serious and critical findings of axe in the page; the message itself is left out."""
    page.evaluate(axe)
    result = page.evaluate("axe.run({ exclude: [['iframe']] }, { iframes: false })")
    return [
        f"{where}: {found['id']}: {json.dumps([node['html'][:160] for node in found['nodes']])}"
        for found in result["violations"]
        if found["impact"] in {"serious", "critical"}
    ]


def test_the_picture_of_the_readme_can_be_taken_again(tmp_path: Path) -> None:
    if shutil.which("chromium") is None:
        missing("chromium")
    picture = tmp_path / "preview.png"
    taken = subprocess.run(
        [sys.executable, "-m", "tests.preview.picture", str(picture)], cwd=ROOT, check=False
    )
    assert taken.returncode == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
