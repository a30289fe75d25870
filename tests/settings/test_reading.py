"""campaign.toml: what is accepted, and the one line about what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.errors import CampaignError
from mailmerge.settings.reading import load_settings

SMALLEST = """
[message]
from = "Example News <news@example.org>"
subject = "Hello {{ name }}"
text = "body.txt"
"""


def write(folder: Path, text: str) -> Path:
    (folder / "campaign.toml").write_text(text, encoding="utf-8")
    return folder


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(CampaignError) as caught:
        load_settings(write(folder, text))
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_smallest_campaign_gets_its_defaults(tmp_path: Path) -> None:
    campaign = load_settings(write(tmp_path, SMALLEST))
    assert campaign.name == tmp_path.name
    assert campaign.recipients.file == "recipients.csv"
    assert campaign.recipients.key_column == "email"
    assert campaign.delivery.window == 1
    assert campaign.state_folder == tmp_path / ".mailmerge"


def test_folder_and_file_load_the_same(tmp_path: Path) -> None:
    write(tmp_path, SMALLEST)
    assert load_settings(tmp_path) == load_settings(tmp_path / "campaign.toml")


def test_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_bytes(b"\xef\xbb\xbf" + SMALLEST.encode())
    assert load_settings(tmp_path).message.subject == "Hello {{ name }}"


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("[delivery]\nraet = '1'", "unknown key delivery.raet (did you mean delivery.rate?)"),
        ("[delivry]\n", "unknown key delivry (did you mean [delivery]?)"),
        ("[recipients]\nhost = 'x'", "unknown key recipients.host (did you mean smtp.host?)"),
        ("[recipients]\nzzzz = 'x'", "recipients.zzzz (the keys of [recipients] are file,"),
        ("[delivery]\nconnections = 'two'", "delivery.connections: expected a valid integer"),
        ("[delivery]\nrate = 'fast'", "delivery.rate: expected a rate such as"),
        ("[delivery]\nrate = 3", "delivery.rate: expected a rate such as"),
        ("[delivery]\nrate = ['10/second', '0/day']", "delivery.rate: expected a rate such as"),
        ("[delivery]\nwait = 'long'", "delivery.wait: expected a duration such as"),
        ("[delivery]\nnotify = 'always'", "delivery.notify.0: expected 'success', 'failure',"),
        ("[delivery]\nnotify = ['failure', 'later']", "delivery.notify.1: expected 'success',"),
        ("[delivery]\nnotify = 3", "delivery.notify.0: expected 'success',"),
        ("[delivery]\nnotify = ['never', 'delay']", 'delivery.notify: expected "never" alone,'),
        ("[delivery]\nnotify = ['delay', 'delay']", "delivery.notify: expected each word once,"),
        ("[delivery]\nreturn = 'all'", "delivery.return: expected '', 'headers' or 'full', found"),
        ("[smtp]\nsecurity = 'ssl'", "expected 'tls', 'starttls' or 'none', found 'ssl'"),
        ("[smtp]\ntenant = 'a b'", "smtp.tenant: a character, or the length, is not allowed here"),
        ("[smtp]\nport = 70000", "smtp.port: expected less than or equal to 65535, found 70000"),
        ("[recipients]\nfile = '../people.csv'", "expected a path inside the campaign folder"),
        ("[recipients]\nfile = '/etc/people.csv'", "expected a path inside the campaign folder"),
        ("[message.headers]\nBcc = 'x'", "Bcc is written by the program or by servers; remove it"),
        ("[message.headers]\nContent-Language = 'x'", "Content-Language is written by the program"),
        ("[message.headers]\nresent-to = 'x'", "resent-to is written by the program or by servers"),
        ("[message.headers]\nDelivered-To = 'x'", "Delivered-To is written by the program or by"),
        ("[message.headers]\nApparently-To = 'x'", "Apparently-To is written by the program or"),
        ("[message.headers]\nDKIM-Signature = 'x'", "DKIM-Signature is written by the program or"),
        ("[message.headers]\nX-A = 'x'\nx-a = 'y'", "X-A and x-a are the same field; remove one"),
        ("[message.headers]\n'X Y' = 'z'", "'X Y' is not a header field name"),
        ('[message.headers]\nX-A = "a\\nBcc: b"', "expected one line without control characters"),
        ('[message.headers]\nX-A = "a\\u009bb"', "expected one line without control characters"),
        ('[message.headers]\nX-A = "a\\u2028b"', "expected one line without control characters"),
    ],
)  # fmt: skip
def test_wrong_key_is_one_line_with_the_fix(tmp_path: Path, added: str, expected: str) -> None:
    line = complaint(tmp_path, f"{SMALLEST}\n{added}\n")
    assert line.startswith("campaign.toml")
    assert expected in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "message is missing"),
        ("message = 3", "message: expected"),
        ("[message]\nsubject = 's'\ntext = 't'", "message.from is missing (add it: from = "),
        ("[message]\nfrom = 'a@b.cd'\ntext = 't'", "message.subject is missing"),
        ("[message]\nfrom = 'a@b.cd'\nsubject = 's'", 'expected html = "body.html"'),
        ("[message", "not TOML"),
        ("[message]\nfrom = a@b.cd", '(write from = "a@b.cd")'),
    ],
)
def test_incomplete_file_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in complaint(tmp_path, text)


def test_misspelt_required_key_is_called_unknown(tmp_path: Path) -> None:
    line = complaint(tmp_path, SMALLEST.replace("subject", "subjct"))
    assert "unknown key message.subjct (did you mean message.subject?)" in line


def test_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="mailmerge init"):
        load_settings(tmp_path)


def test_file_in_another_encoding_is_reported(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_bytes(SMALLEST.replace("Hello", "Grüß").encode("latin-1"))
    with pytest.raises(CampaignError, match="not UTF-8"):
        load_settings(tmp_path)


def test_folder_instead_of_the_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").mkdir()
    with pytest.raises(CampaignError, match="cannot be read"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'text = "body.txt"',
            'text = "body.txt"\nattachments = "x.pdf"',
            'write attachments = ["x.pdf"]',
        ),
        ("[message]", '[smtp]\nport = "2599"\n[message]', "write port = 2599, without quotes"),
        ("[message]", "[SMTP]\n[message]", "did you mean [smtp]?"),
        ("[message]", "[smtp]\npassword = 'x'\n[message]", "a password does not go here"),
        ("[message]", "[smtp]\nPasswort = 'x'\n[message]", "a password does not go here"),
        ("[message]", "[smtp]\nuser = 'x'\n[message]", "did you mean smtp.username?"),
        (
            "[message]",
            "[smtp]\nchunking = 'yes'\n[message]",
            "write chunking = true, without quotes",
        ),
        ("[message]", "[recipients]\nkey = 5\n[message]", 'write it in quotes: key = "5"'),
        ("[message]", "smtp = 'x'\n[message]", "write [smtp] in a line of its own"),
        ("[message]", "subject = 'x'\n[message]", "Write it below [message]"),
        ("[message]", "[server]\nhost = 'x'\n[message]", "did you mean [smtp]?"),
        ("[message]", "[smtp]\nsecurity = 'SSL'\n[message]", 'write security = "tls"'),
        ("[message]", "[smtp]\nsecurity = false\n[message]", 'write security = "none"'),
        ("[message]", "[recipients]\ndedupe = 'Off'\n[message]", "in small letters"),
        ("[message]", "[message]\nBetreff = 'x'", "did you mean message.subject?"),
        ("[message]", "[message]\n附件 = ['x']", "write attachments = ['x']"),
    ],
)
def test_wrong_value_names_the_right_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(CampaignError) as caught:
        load_settings(write(tmp_path, SMALLEST.replace(old, new, 1)))
    problem = caught.value.problem
    assert says in problem.hint
    assert problem.line is not None
    assert problem.marked_line is not None


def test_folder_with_campaigns_names_them(tmp_path: Path) -> None:
    for name in ("autumn", "spring 80"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, SMALLEST)
    with pytest.raises(CampaignError) as caught:
        load_settings(tmp_path)
    assert caught.value.problem.hint.endswith(f'{tmp_path / "autumn"}, "{tmp_path / "spring 80"}"')


def test_missing_folder_names_the_nearest_campaign(tmp_path: Path) -> None:
    (tmp_path / "spring80").mkdir()
    write(tmp_path / "spring80", SMALLEST)
    with pytest.raises(CampaignError, match="there is no folder") as caught:
        load_settings(tmp_path / "sprng80")
    assert caught.value.problem.hint == f"did you mean {tmp_path / 'spring80'}?"


def test_file_of_a_campaign_names_its_folder(tmp_path: Path) -> None:
    write(tmp_path, SMALLEST)
    (tmp_path / "recipients.csv").write_text("email\n")
    with pytest.raises(CampaignError) as caught:
        load_settings(tmp_path / "recipients.csv")
    assert caught.value.problem.hint == f"name its folder: {tmp_path}"


def test_line_of_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_bytes(
        SMALLEST.replace("Hello", "Gr\xfc\xdf").encode("latin-1")
    )
    with pytest.raises(CampaignError) as caught:
        load_settings(tmp_path)
    assert caught.value.problem.line == 4


@pytest.mark.parametrize("path", [r"Texte\body.txt", r"Texte\news.txt", r"a\templates.txt"])
def test_backslash_that_became_a_control_character_is_named(tmp_path: Path, path: str) -> None:
    text = SMALLEST.replace('text = "body.txt"', f'text = "{path}"')
    assert path in text
    with pytest.raises(CampaignError) as caught:
        load_settings(write(tmp_path, text))
    assert "in paths write / instead of \\" in caught.value.problem.message
