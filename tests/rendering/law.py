"""The law of the structure cache: a page is what is made of the plain rendering alone."""

from __future__ import annotations

from urllib.parse import unquote

from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Renderer
from mailmerge.rendering.document import Element, attributes_of, nodes_of, parse
from mailmerge.rendering.page import PageRenderer
from mailmerge.rendering.part import BodyTemplate
from mailmerge.rendering.plaintext import text_of_page
from mailmerge.rendering.settings import Templates
from mailmerge.rendering.variables import CampaignView, variables_of

SENTINEL = "\ue000\ue001"

_URLS = frozenset(("href", "src", "action", "name", "background"))


def canonical(html: str) -> list[object]:
    """A page's tree as a list: elements, attributes, text; URLs without percent-escapes."""
    flat: list[object] = []
    for node in nodes_of(parse(html)):
        if not isinstance(node, Element):
            flat.append((type(node).__name__, getattr(node, "data", "")))
            continue
        attributes = {
            name: unquote(value) if name in _URLS else value for name, value in attributes_of(node)
        }
        flat.append((node.tag, len(list(node.ancestors)), sorted(attributes.items())))
    return flat


class Law:
    """A renderer with its cache, and the same templates without one."""

    def __init__(self, templates: Templates) -> None:
        assert templates.html is not None
        self.renderer = Renderer(templates)
        self._template = BodyTemplate(templates, templates.html, "html", SENTINEL)
        find = self._template.templates.find
        self._pages = PageRenderer(templates, templates.html.name, SENTINEL, find)
        self._makes_text = templates.text is None
        self._campaign = CampaignView(templates.campaign)

    def check(self, recipient: Recipient) -> None:
        """The content of one recipient is what is made of the rendering alone."""
        content = self.renderer.render(recipient)
        variables = variables_of(recipient.row, recipient.cells, self._campaign)
        plain = self._template.run(variables).as_written(SENTINEL, escaped=True)
        alone, images = self._pages.finish(plain)
        assert content.html is not None
        assert content.html.structure.images == images
        assert canonical(str(content.html)) == canonical(alone)
        if self._makes_text:
            assert str(content.text) == text_of_page(str(content.html))
