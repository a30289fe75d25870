"""The names of the elements of HTML."""

from __future__ import annotations

from typing import Final

ELEMENTS: Final = frozenset((
    "a", "abbr", "acronym", "address", "amp-img", "applet", "area", "article", "aside", "audio",
    "b", "base", "basefont", "bdi", "bdo", "bgsound", "big", "blink", "blockquote", "body",
    "br", "button", "canvas", "caption", "center", "cite", "code", "col", "colgroup", "command",
    "data", "datalist", "dd", "del", "details", "dfn", "dialog", "dir", "div", "dl", "dt", "em",
    "embed", "fieldset", "figcaption", "figure", "font", "footer", "form", "frame", "frameset",
    "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup", "hr", "html", "i", "iframe",
    "image", "img", "input", "ins", "isindex", "kbd", "keygen", "label", "legend", "li", "link",
    "listing", "main", "map", "mark", "marquee", "math", "menu", "menuitem", "meta", "meter",
    "multicol", "nav", "nextid", "nobr", "noembed", "noframes", "noscript", "object", "ol",
    "optgroup", "option", "output", "p", "param", "picture", "plaintext", "portal", "pre",
    "progress", "q", "rb", "rbc", "rp", "rt", "rtc", "ruby", "s", "samp", "script", "search",
    "section", "select", "slot", "small", "source", "spacer", "span", "strike", "strong",
    "style", "sub", "summary", "sup", "svg", "table", "tbody", "td", "template", "textarea",
    "tfoot", "th", "thead", "time", "title", "tr", "track", "tt", "u", "ul", "var", "video",
    "wbr", "xml", "xmp",
))  # fmt: skip
"""The elements of HTML, those that are obsolete included, and `<xml>` of Microsoft."""

ATTRIBUTES: Final = frozenset((
    "abbr", "about", "accept", "accesskey", "action", "align", "alink", "allow",
    "allowfullscreen", "alt", "amp", "archive", "as", "async", "autocapitalize", "autocomplete",
    "autofocus", "autoplay", "axis", "background", "behavior", "bgcolor", "blocking", "border",
    "bordercolor", "bordercolordark", "bordercolorlight", "bottommargin", "capture",
    "cellpadding", "cellspacing", "char", "charoff", "charset", "checked", "cite", "class",
    "classid", "clear", "code", "codebase", "codetype", "color", "cols", "colspan", "command",
    "commandfor", "compact", "content", "contenteditable", "controls", "coords", "crossorigin",
    "data", "datatype", "datetime", "declare", "decoding", "default", "defer", "dir",
    "direction", "dirname", "disabled", "download", "draggable", "enctype", "enterkeyhint",
    "face", "fetchpriority", "for", "form", "formaction", "formenctype", "formmethod",
    "formnovalidate", "formtarget", "frame", "frameborder", "gutter", "headers", "height",
    "hidden", "high", "href", "hreflang", "hspace", "id", "imagesizes", "imagesrcset", "inert",
    "inlist", "inputmode", "integrity", "is", "ismap", "itemid", "itemprop", "itemref",
    "itemscope", "itemtype", "kind", "label", "lang", "language", "leftmargin", "link", "list",
    "loading", "longdesc", "loop", "low", "marginheight", "marginwidth", "max", "maxlength",
    "media", "method", "min", "minlength", "multiple", "muted", "name", "nohref", "nomodule",
    "nonce", "noresize", "noshade", "novalidate", "nowrap", "object", "open", "optimum", "part",
    "pattern", "ping", "placeholder", "playsinline", "popover", "popovertarget",
    "popovertargetaction", "poster", "prefix", "preload", "profile", "prompt", "property",
    "readonly", "referrerpolicy", "rel", "required", "resource", "rev", "reversed",
    "rightmargin", "role", "rows", "rowspan", "rules", "sandbox", "scheme", "scope",
    "scrollamount", "scrolldelay", "scrolling", "selected", "shape", "size", "sizes", "slot",
    "span", "spellcheck", "src", "srcdoc", "srclang", "srcset", "standby", "start", "step",
    "style", "summary", "tabindex", "target", "text", "title", "topmargin", "translate",
    "truespeed", "type", "typeof", "usemap", "valign", "value", "valuetype", "version", "vlink",
    "vocab", "vspace", "width", "wrap", "writingsuggestions", "xmlns",
))  # fmt: skip
"""The attributes of HTML and RDFa, those that are obsolete included."""
