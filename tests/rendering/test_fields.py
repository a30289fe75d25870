"""Header fields and attachments: one line each, for any text in a cell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import AssetError, MessageError, TemplateError
from mailmerge.rendering.fields import Fields
from mailmerge.rendering.settings import Templates
from mailmerge.rendering.variables import CampaignView, variables_of

from .conftest import MakeRecipient, MakeRenderer

BODY: dict[str, str | bytes] = {"body.txt": "x"}
FIELDS = {
    "message.subject": 'subject = "{{ x }}"',
    "message.to_name": 'to_name = "{{ x }}"',
    "message.reply_to": 'reply_to = "{{ x }}"',
    "message.attachments": 'attachments = ["a/{{ x }}.pdf"]',
    "message.headers.X-Y": '[message.headers]\nX-Y = "{{ x }}"',
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "character", ["\n", "\r", "\t", "\x00", "\x7f", "\x85", "\u2028", "\u2029"]
)
def test_control_character_of_a_cell_reaches_no_field(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, field: str, character: str
) -> None:
    renderer = make_renderer(BODY, FIELDS[field])
    with pytest.raises(MessageError) as caught:
        renderer.render(make_recipient(x=f"a{character}Bcc: b@example.org", row=5))
    assert caught.value.problem.row == 5
    assert caught.value.problem.message.startswith(field + " becomes")
    assert caught.value.problem.file == "campaign.toml"


HELLO = Fields(Templates("Hi {{ x }}!"))


@given(cell=st.text(st.characters(exclude_categories=["Cs"])))
def test_field_is_one_line_or_refused(cell: str) -> None:
    try:
        value = HELLO.render(variables_of(2, {"x": cell}, CampaignView("c"))).subject
    except MessageError:
        assert not cell.isprintable()
        return
    assert value == f"Hi {cell}!"
    assert len(value.splitlines()) == 1


def test_values_lose_the_spaces_around_them(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    message = """
    subject = " {% if n %}Hello {{ n }}{% endif %} "
    to_name = "{{ n }} & Co"
    reply_to = "{{ n|lower }}@example.org"
    attachments = ["fixed.pdf", "i/{{ n }}.pdf", "{% if n == 'x' %}x.pdf{% endif %}", "./a/./b.pdf"]
    [message.headers]
    X-One = "{{ campaign.name }}"
    X-Two = "constant"
    """
    content = make_renderer(BODY, message).render(make_recipient(n="Ann"))
    assert (content.subject, content.to_name) == ("Hello Ann", "Ann & Co")
    assert content.reply_to == "ann@example.org"
    assert content.headers == (("X-One", "news"), ("X-Two", "constant"))
    assert content.attachments == ("fixed.pdf", "i/Ann.pdf", "a/b.pdf")


@pytest.mark.parametrize("cell", ["../../etc/passwd", "/etc/passwd", "..\\x", "C:/x"])
def test_attachment_never_leads_out_of_the_campaign_folder(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, cell: str
) -> None:
    renderer = make_renderer(BODY, 'attachments = ["{{ x }}"]')
    with pytest.raises(AssetError, match=r"campaign\.toml, row 2: the attachment .* outside"):
        renderer.render(make_recipient(x=cell))


def test_undefined_variable_names_the_field(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(BODY, 'subject = "{{ nmae }}"')
    with pytest.raises(TemplateError) as caught:
        renderer.render(make_recipient(name="x", row=4))
    assert str(caught.value) == (
        "campaign.toml, row 4: message.subject: the "
        "variable nmae is not defined (did you mean name?)"
    )


@pytest.mark.parametrize("source", ["{{ first name }}", "{% if %}", "{% include 'gone.txt' %}"])
def test_field_that_does_not_compile_names_the_file(
    make_renderer: MakeRenderer, source: str
) -> None:
    with pytest.raises(TemplateError, match=r"^campaign\.toml"):
        make_renderer(BODY, f'subject = "{source}"')


def test_attachment_that_is_the_folder_is_left_to_the_parts(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(BODY, 'attachments = ["{{ x }}"]')
    assert renderer.render(make_recipient(x="./")).attachments == (".",)


def test_constant_field_is_compiled_without_jinja() -> None:
    fields = Fields(Templates(" constant ", headers=(("X-One", "a { b } c"),)))
    values = fields.render(variables_of(2, {}, CampaignView("c")))
    assert (values.subject, values.headers) == ("constant", (("X-One", "a { b } c"),))
    assert fields.variables == frozenset()


def test_bucket_is_a_filter_and_a_function(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(BODY, 'subject = "{{ x|bucket(10) }}{{ bucket(x, 10) }}"')
    assert renderer.variables == {"x"}
    assert renderer.render(make_recipient(x="user0@example.org")).subject == "22"


@pytest.mark.parametrize("call", ["x|bucket(0)", "bucket(row, 2)"])
def test_wrong_bucket_is_an_error_of_its_row(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient, call: str
) -> None:
    renderer = make_renderer(BODY, f'subject = "{{{{ {call} }}}}"')
    with pytest.raises(TemplateError, match="bucket") as caught:
        renderer.render(make_recipient(x="a", row=7))
    assert caught.value.problem.row == 7
