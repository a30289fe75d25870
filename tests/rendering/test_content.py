"""A renderer makes the whole content of each recipient, for many threads."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mailmerge.errors import TemplateError
from mailmerge.rendering.content import Content, Renderer
from mailmerge.rendering.settings import BodySource, Templates
from mailmerge.settings import load_settings

from .conftest import MakeRecipient, MakeRenderer, MakeTemplates

STYLE = "<style>.a { color: red }</style>"


def test_templates_in_code_need_no_campaign_folder(make_recipient: MakeRecipient) -> None:
    templates = Templates(
        "Hello {{ name }}",
        html=BodySource.of(f"<body>{STYLE}<p class=a>{{{{ name }}}}</p></body>", "html template"),
        text=BodySource.of("Dear {{ name }}\n", "text template"),
        to_name="{{ name }}",
        headers=(("X-Campaign", "{{ campaign.name }}"),),
        attachments=("{{ name }}.pdf",),
        campaign="spring",
    )
    content = Renderer(templates).render(make_recipient(name="Zoë & Co"))
    assert content.subject == "Hello Zoë & Co"
    assert str(content.text) == "Dear Zoë & Co\n"
    assert '<p class=a style="color:red">Zoë &amp; Co</p>' in str(content.html)
    assert (content.to_name, content.headers) == ("Zoë & Co", (("X-Campaign", "spring"),))
    assert content.attachments == ("Zoë & Co.pdf",)


def test_path_is_a_file_relative_to_the_folder(
    tmp_path: Path, make_recipient: MakeRecipient
) -> None:
    (tmp_path / "part.txt").write_text("{{ name }}", encoding="utf-8")
    (tmp_path / "body.txt").write_text("Dear {% include 'part.txt' %}", encoding="utf-8")
    source = BodySource.of(Path("body.txt"), "text template")
    content = Renderer(Templates("s", text=source, folder=tmp_path)).render(
        make_recipient(name="A")
    )
    assert str(content.text) == "Dear A"


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        (
            Templates("s", text=BodySource.of("a\n{{ nme }}", "text template")),
            "text template, line 2, row 2: the variable nme is not defined (did you mean name?)",
        ),
        (
            Templates("{{ nme }}", text=BodySource.of("", "text template")),
            "row 2: message.subject: the variable nme is not defined (did you mean name?)",
        ),
    ],
)
def test_error_of_a_template_in_code_names_no_file(
    make_recipient: MakeRecipient, templates: Templates, message: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        Renderer(templates).render(make_recipient(name="A"))
    assert str(caught.value) == message


def test_campaign_stands_for_its_templates(
    make_templates: MakeTemplates, make_recipient: MakeRecipient
) -> None:
    templates = make_templates({"body.txt": "{{ campaign.name }} {{ x }}"}, name="spring")
    renderer = Renderer(load_settings(templates.files.folder))
    assert str(renderer.render(make_recipient(x="a")).text) == "spring a"


def test_text_template_alone_makes_no_page(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    content = make_renderer({"body.txt": "{{ x }}"}).render(make_recipient(x="<"))
    assert (content.html, str(content.text)) == (None, "<")


def test_text_template_is_used_rather_than_the_page(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer({"body.txt": "T {{ x }}", "body.html": "<p>{{ x }}</p>"})
    content = renderer.render(make_recipient(x="<"))
    assert str(content.text) == "T <"
    assert "<p>&lt;</p>" in str(content.html)


def test_no_body_gives_an_empty_text(make_recipient: MakeRecipient) -> None:
    renderer = Renderer(Templates("{{ x }}"))
    content = renderer.render(make_recipient(x="a"))
    assert (content.subject, str(content.text), content.html) == ("a", "", None)
    assert renderer.slow_because == ""
    assert renderer.variables == {"x"}


def test_texts_share_their_structure(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    renderer = make_renderer(
        {"body.txt": "Dear {{ x }},\n{% macro m(v) %}*{{ v }}{% endmacro %}{{ m(x) }}"}
    )
    bodies = [renderer.render(make_recipient(x=x)).text for x in ("A", "B <>&", "\ue000")]
    assert [str(body) for body in bodies] == [f"Dear {x},\n*{x}" for x in ("A", "B <>&", "\ue000")]
    assert bodies[0].structure is bodies[1].structure
    assert bodies[0].values == ("A", "A")
    assert (renderer.cached.made, renderer.cached.kept) == (1, 1)


def test_row_as_a_whole_is_written_as_its_cells(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    content = make_renderer({"body.txt": "{{ row }}"}).render(make_recipient(x="a"))
    assert str(content.text) == "{'x': 'a'}"


def test_threads_share_a_renderer(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    inner = "{% for i in range(n|int) %}<p class='a'>{{ name }} {{ i }}</p>{% endfor %}"
    source = f"<!doctype html><html><head>{STYLE}</head><body>{inner}</body></html>"
    renderer, alone = make_renderer({"body.html": source}), make_renderer({"body.html": source})
    recipients = [make_recipient(row=n, name=f"N{n} <&>", n=str(n % 5)) for n in range(40)]
    wanted = [(str(c.html), str(c.text)) for c in map(alone.render, recipients)]
    begin = threading.Barrier(6)
    rendered: list[tuple[str, str]] = []

    def worker() -> None:
        begin.wait()
        contents: list[Content] = [renderer.render(recipient) for recipient in recipients]
        rendered.extend((str(content.html), str(content.text)) for content in contents)

    threads = [threading.Thread(target=worker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rendered) == 6 * 40
    assert set(rendered) == set(wanted)
    assert renderer.cached.made == 5


def test_rendering_is_the_same_in_every_run(
    make_renderer: MakeRenderer, make_recipient: MakeRecipient
) -> None:
    files: dict[str, str | bytes] = {
        "body.html": f"{STYLE}<p class='a b'>{{{{ x }}}}</p><img src='i.png'>",
        "i.png": b"1",
    }
    first, second = make_renderer(files), make_renderer(files)
    second.render(make_recipient(x=""))
    assert str(first.render(make_recipient(x="é")).html) == str(
        second.render(make_recipient(x="é")).html
    )
