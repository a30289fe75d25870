"""What mail programs do not know, and how serious it is."""

from __future__ import annotations

import pytest

from mailmerge.preflight.deep.clients import load_support
from mailmerge.preflight.deep.support import check_support
from tests.preflight.deep.pages import found, page_of, warnings


def test_flexbox_is_named_with_programs_and_line() -> None:
    page = page_of('<p>one</p>\n<div style="display: flex"><p>a</p></div>')
    (finding,) = check_support(page)
    assert not finding.is_note
    assert finding.problem.message.startswith(
        "display:flex: not in Outlook for Windows (Word engine)"
    )
    assert (finding.problem.file, finding.problem.line) == ("body.html", 6)
    assert finding.problem.hint == "use a table for parts that stand side by side"


@pytest.mark.parametrize(
    "style",
    [
        "display:grid",
        "position:relative",
        "width:calc(100% - 2px)",
        "background-image:url(x.png)",
        "color:rgb(0 0 0 / 50%)",
        "font-size:1rem",
        "opacity:0.5",
        "transform:rotate(3deg)",
        "gap:10px",
    ],
)
def test_loss_of_layout_is_a_warning(style: str) -> None:
    assert warnings(check_support, f'<div style="{style}">x</div>')


@pytest.mark.parametrize(
    "style",
    ["border-radius:3px", "box-shadow:0 0 1px red", "letter-spacing:1px", "max-width:600px",
     "width:90%;width:calc(100% - 2px)", "text-shadow:0 0 1px red", "margin:0", "font:12px Arial",
     "background-color:#fff;background-image:linear-gradient(red,blue)"],
)  # fmt: skip
def test_plainer_looks_are_notes(style: str) -> None:
    assert warnings(check_support, f'<div style="{style}">x</div>') == []


def test_each_feature_is_reported_once() -> None:
    row = '<div style="display:flex">x</div>\n'
    assert found(check_support, row * 20) == [("client-support", 5, False)]


def test_features_of_the_rule_exist() -> None:
    from mailmerge.preflight.deep import support

    known = set(load_support())
    named = {*vars(support)["_VITAL"], *vars(support)["_DECORATION"], *vars(support)["_ELSEWHERE"]}
    assert named <= known
