"""What is wrong with a link or with the source of an image."""

from __future__ import annotations

import pytest

from mailmerge.errors import Problem
from mailmerge.preflight.urls import image_name, is_settled, judge_image, judge_link


def code_of(found: Problem | None) -> str | None:
    return found.code if found else None


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://x.org/a", None),
        ("https://x.org", None),
        ("  https://example.org ", None),
        ("https://münchen.de/", None),
        ("https://x.org:8443/a", None),
        ("mailto:a@x.org", None),
        ("#section", None),
        ("cid:a@b", None),
        ("", "empty-link"),
        ("#", "empty-link"),
        ("mailto:", "empty-link"),
        ("tel:", "empty-link"),
        ("https://", "link-without-host"),
        ("https:///path", "link-without-host"),
        ("https://[half", "link-without-host"),
        ("https://{{ host }}/", "link-without-host"),
        ("https://localhost/x", "local-link"),
        ("https://127.0.0.1:8000/", "local-link"),
        ("http://x.org/", "http-link"),
        ("page.html", "relative-link"),
        ("//cdn.x.org/a", "relative-link"),
        ("file:///C:/a.pdf", "link-scheme"),
        ("javascript:alert(1)", "link-scheme"),
    ],
)
def test_each_link_has_its_code(url: str, code: str | None) -> None:
    assert code_of(judge_link(url)) == code


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("www.x.org/a", "write https://www.x.org/a"),
        ("//x.org/a", "write https://x.org/a"),
        ("terms.pdf", "write https://..., or attach the file"),
    ],
)
def test_the_fix_of_a_relative_link_is_a_whole_one(url: str, hint: str) -> None:
    found = judge_link(url)
    assert found is not None
    assert found.hint == hint


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://x.org/a.png", None),
        ("cid:a@b", None),
        (" ", "image-without-source"),
        ("data:image/png;base64,AA==", "data-image"),
        ("HTTP://x.org/a.png", "http-image"),
        ("//x.org/a.png", "relative-image"),
    ],
)
def test_each_image_has_its_code(url: str, code: str | None) -> None:
    assert code_of(judge_image(url)) == code


def test_an_image_is_called_by_its_file() -> None:
    assert image_name("https://x.org/images/logo.png?v=1") == "logo.png"
    found = judge_image("http://x.org/1", "logo.png")
    assert found is not None
    assert "'logo.png'" in found.message


@pytest.mark.parametrize(
    ("beginning", "settled"),
    [
        ("https://x.org/", True),
        ("https://x.org?a=", True),
        ("https://x.org:8443/", True),
        ("https://x.org", False),
        ("https://", False),
        ("http://x.org/", False),
        ("https://localhost/", False),
    ],
)
def test_a_link_is_settled_by_its_host(beginning: str, settled: bool) -> None:
    assert is_settled(beginning) is settled
