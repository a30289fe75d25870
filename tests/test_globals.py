"""Importing and using the library changes no global of another one.

A program that uses mailmerge has its own logging, its own tables of media types, its own filters of
warnings. So one process looks at such globals, renders and composes messages, and looks again. The
other libraries are imported beforehand: what they do to themselves on import is their own affair.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BEFORE = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path

import codecs, decimal, email.charset, email.header, email.policy, email._policybase
import html.entities, locale, logging, mimetypes, random, signal, socket, threading, warnings
import cssselect, cssutils, inscriptis.css_profiles, jinja2, jinja2.defaults, jinja2.filters
import jinja2.sandbox, lxml.etree, markupsafe, premailer, pydantic
mimetypes.init()

def of_logger(logger):
    return (logger.level, logger.disabled, logger.propagate, list(map(repr, logger.handlers)),
            list(map(repr, logger.filters)))

def snapshot():
    import email_validator
    plain = {
        "root logger": of_logger(logging.getLogger()),
        "logger of cssutils": of_logger(logging.getLogger("CSSUTILS")),
        "logging": (logging.raiseExceptions, logging.lastResort.level,
                    logging.root.manager.disable),
        "cssutils": (cssutils.log.raiseExceptions, cssutils.log.enabled, vars(cssutils.ser.prefs),
                     cssutils.profile.profiles, cssutils.profile.defaultProfiles),
        "premailer": (premailer.premailer.FILTER_PSEUDOSELECTORS,
                      premailer.Premailer.attribute_name),
        "media types": (mimetypes.types_map, mimetypes.encodings_map, mimetypes.suffix_map,
                        mimetypes.common_types, mimetypes.knownfiles),
        "charsets of e-mail": (email.charset.CHARSETS, email.charset.ALIASES,
                               email.charset.CODEC_MAP),
        "policies of e-mail": (vars(email.policy.default), vars(email.policy.SMTP)),
        "Jinja2": (jinja2.defaults.DEFAULT_FILTERS, jinja2.defaults.DEFAULT_TESTS,
                   jinja2.defaults.DEFAULT_NAMESPACE, jinja2.defaults.DEFAULT_POLICIES,
                   jinja2.sandbox.MAX_RANGE, jinja2.sandbox.UNSAFE_FUNCTION_ATTRIBUTES),
        "HTML entities": len(html.entities.html5),
        "lxml": type(lxml.etree.get_default_parser()).__name__,
        "inscriptis": {name: {tag: sorted(vars_of(element).items(), key=str)
                              for tag, element in profile.items()}
                       for name, profile in inscriptis.css_profiles.CSS_PROFILES.items()},
        "email-validator": email_validator.SPECIAL_USE_DOMAIN_NAMES,
        "warnings": (list(map(str, warnings.filters)), warnings.showwarning.__qualname__),
        "locale": locale.setlocale(locale.LC_ALL),
        "sockets": socket.getdefaulttimeout(),
        "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
        "hooks": (sys.excepthook.__qualname__, threading.excepthook.__qualname__,
                  sys.unraisablehook.__qualname__, sys.displayhook.__qualname__),
        "random numbers": random.getstate(),
        "decimal": str(decimal.getcontext()),
        "recursion": sys.getrecursionlimit(),
        "path": sys.path,
    }
    return {name: repr(value) for name, value in plain.items()}

def vars_of(element):
    names = getattr(type(element), "__slots__", None) or vars(element)
    return {name: getattr(element, name, None) for name in names}

before = snapshot()
"""

USE = """
import mailmerge
from mailmerge.mime.message import Composer
from mailmerge.mime.parts import PartStore
from mailmerge.mime.settings import Sender
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Renderer
from mailmerge.rendering.settings import BodySource, Templates

folder = Path(sys.argv[1])
templates = Templates(
    "Hello {{ name }}", html=BodySource("body.html"), attachments=("terms.pdf",), folder=folder
)
mailbox = parse_mailbox("News <news@b\u00fccher.example>", names=True)
renderer = Renderer(templates)
composer = Composer(Sender(mailbox, "news"), PartStore(folder))
sizes = []
for row, name in enumerate(["Ann", "Zoë", "李 <&>", ""], start=2):
    recipient = Recipient(row, {"name": name, "tier": "a"}, mailbox, name)
    content = renderer.render(recipient)
    message = composer.compose(
        recipient, content, message_id="<a@example.org>", date=datetime.now(UTC)
    )
    sizes.append(message.size)
"""

AFTER = """
after = snapshot()
changed = {name: (value, after[name]) for name, value in before.items() if value != after[name]}
print(json.dumps({"sizes": sizes, "globals": len(before), "changed": changed}))
"""

PAGE = """<html><head><style>p { colour: red; color: red } p:hover { color: blue }
@media print { p { color: black } }</style></head>
<body class="{{ tier }}"><p>Dear {{ name }},</p><table><tr><th>{{ name }}</th></tr></table>
<img src="logo.png"><a href="https://example.org/{{ name }}">{{ name }}</a></body></html>
"""


def _run(folder: Path, script: str) -> dict[str, object]:
    (folder / "body.html").write_text(PAGE, encoding="utf-8")
    (folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "terms.pdf").write_bytes(b"%PDF-1.7")
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_no_global_of_another_library_is_changed(tmp_path: Path) -> None:
    result = _run(tmp_path, BEFORE + USE + AFTER)
    assert result["changed"] == {}
    assert isinstance(result["globals"], int)
    assert result["globals"] > 15
    assert isinstance(result["sizes"], list)
    assert min(result["sizes"]) > 1000


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("cssutils.log.setLevel(logging.CRITICAL)", "logger of cssutils"),
        ("mimetypes.add_type('text/x', '.x')", "media types"),
        ("email.charset.add_charset('utf-8', email.charset.QP)", "charsets of e-mail"),
        ("jinja2.defaults.DEFAULT_FILTERS['x'] = str", "Jinja2"),
        ("logging.getLogger().setLevel(10)", "root logger"),
        ("warnings.simplefilter('ignore')", "warnings"),
    ],
)
def test_a_changed_global_would_be_noticed(tmp_path: Path, change: str, name: str) -> None:
    result = _run(tmp_path, BEFORE + f"\n{change}\nsizes = []\n" + AFTER)
    assert isinstance(result["changed"], dict)
    assert list(result["changed"]) == [name]
