"""premailer puts rules on elements; nothing outside of this package notices."""

from __future__ import annotations

import logging
import threading

import cssutils
import pytest

from mailmerge.errors import AssetError
from mailmerge.rendering.document import parse, serialise
from mailmerge.rendering.inlining import inline_rules

from .conftest import MakeRecipient, MakeRenderer

WRONG = "p { colour: red; color: red }"


def inlined(css: str, body: str = "<p>x</p>") -> str:
    document = parse(f"<html><head><style>{css}</style></head><body>{body}</body></html>")
    inline_rules(document.tree)
    return serialise(document)


def test_rules_are_put_on_elements() -> None:
    assert '<p style="color:red">x</p>' in inlined("p { color: red }")


def test_important_is_kept_in_style_elements_only() -> None:
    html = inlined(
        "p { color: red ! important } @media print { p { color: blue } } p:hover { margin: 0 }"
    )
    assert '<p style="color:red">' in html
    assert "color: blue !important" in html
    assert "p:hover {margin:0 !important}" in html


@pytest.mark.parametrize("selector", ["p:nth-child", "--x"])
def test_selector_that_cannot_be_read_is_an_error(selector: str) -> None:
    with pytest.raises(AssetError, match="inline_css = false") as caught:
        inlined(f"{selector} {{ color: red }}")
    assert caught.value.problem.code == "styles"


def test_error_of_a_selector_names_the_template(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    body = "<head><style>--x { color: red }</style></head><body><p>x</p></body>"
    with pytest.raises(AssetError) as caught:
        make_renderer({"body.html": body}).render(make_recipient())
    assert caught.value.problem.file == "body.html"


def test_errors_of_cssutils_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "CSSUTILS"):
        assert "color:red" in inlined(WRONG)
        assert caplog.records == []
        cssutils.parseString(WRONG)
    assert [record.name for record in caplog.records] != []


def test_records_of_other_threads_are_logged_meanwhile(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from premailer import Premailer

    transform = Premailer.transform

    def transforming(self: Premailer, *arguments: object, **more: object) -> object:
        other = threading.Thread(target=logging.getLogger("CSSUTILS").error, args=("other",))
        other.start()
        other.join()
        logging.getLogger("CSSUTILS").error("own")
        return transform(self, *arguments, **more)

    monkeypatch.setattr(Premailer, "transform", transforming)
    with caplog.at_level(logging.INFO, "CSSUTILS"):
        inlined(WRONG)
    assert [record.message for record in caplog.records] == ["other"]


def test_settings_of_cssutils_stay_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """cssutils itself leaves its flag changed where parsing ends with an error."""
    from premailer import Premailer

    def failing(*_: object, **__: object) -> None:
        cssutils.log.raiseExceptions = False
        raise ValueError("in the middle of parsing")

    logger = logging.getLogger("CSSUTILS")
    before = (logger.level, list(logger.filters))
    monkeypatch.setattr(Premailer, "transform", failing)
    with pytest.raises(AssetError, match="in the middle of parsing"):
        inlined("p { color: red }")
    assert cssutils.log.raiseExceptions is True
    assert (logger.level, logger.filters) == before
