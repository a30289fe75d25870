"""mailmerge connect: every line shown and explained, no secret shown, nothing sent."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner, Result

from mailmerge.cli import app
from mailmerge.cli.exit_status import ExitStatus
from tests import servers
from tests.conftest import PASSWORD
from tests.scripted_server import (
    Close,
    Offer,
    Reply,
    Rule,
    Script,
    ScriptedServer,
    Settings,
    Stage,
    When,
    serve,
)
from tests.servers.nsd import nsd

SECRET = "s3cret-of-the-test"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG", "MAILMERGE_SMTP_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.fixture
def server(certificates: servers.Certificates) -> Iterator[ScriptedServer]:
    rules = (
        Rule(When(Stage.RCPT, recipient="unknown@*"), (Reply(550, "5.1.1 No such user"),)),
        Rule(When(Stage.MAIL, reverse_path="other@*"), (Reply(553, "5.7.1 not owned by user"),)),
    )
    settings = Settings(
        chain_file=str(certificates.chain_file),
        users={"news@example.org": SECRET, "ann@own.example": SECRET},
        auth_required=True,
        offer=Offer(limits="MAILMAX=50", more=("XODD one",)),
    )
    with ScriptedServer(Script(settings, rules)) as running:
        yield running


@pytest.fixture
def campaign(tmp_path: Path, server: ScriptedServer, certificates: servers.Certificates) -> Path:
    (tmp_path / "ca.pem").write_bytes(certificates.ca_file.read_bytes())
    text = f"""\
[message]
from = "News <news@example.org>"
subject = "x"
text = "body.txt"
[smtp]
host = "localhost"
port = {server.port}
security = "starttls"
username = "news@example.org"
password_command = "echo {SECRET}"
ca_file = "ca.pem"
[delivery]
rate = "60/minute"
window = 4
messages_per_connection = 80
"""
    (tmp_path / "campaign.toml").write_text(text, encoding="utf-8")
    return tmp_path


def run(*arguments: str | Path, **environ: str) -> Result:
    return CliRunner().invoke(
        app, ["connect", *(str(argument) for argument in arguments)], env=environ
    )


def test_the_dialogue_is_shown_and_explained(campaign: Path, server: ScriptedServer) -> None:
    result = run(campaign, "--to", "me@example.org")
    assert result.exit_code == ExitStatus.DONE, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == f"Connecting to localhost:{server.port} (security: starttls)"
    ours = [line.split()[1] for line in lines if line.startswith("C: ")]
    assert ours == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "RSET", "QUIT"]
    last_lines = [n for n, line in enumerate(lines) if line[:3] == "S: " and line[6:7] == " "]
    assert len(last_lines) == 9
    assert all(lines[number + 1].startswith("     ") for number in last_lines)
    assert server.violations == []
    assert server.messages == []


def test_no_secret_is_shown(campaign: Path) -> None:
    result = run(campaign)
    assert "C: AUTH PLAIN ****" in result.stdout
    assert SECRET not in result.output
    assert "AG5ld3N" not in result.output  # base64 of NUL and "news"


def test_the_offer_is_explained_for_the_campaign(campaign: Path) -> None:
    shown = run(campaign).stdout
    assert "TLSv1." in shown
    assert "messages of up to 10.0 MB" in shown
    assert "window = 4 works here" in shown
    assert "Messages are sent no faster than 60/minute; simultaneous connections: 1." in shown
    assert "A new connection is made after 50 messages." in shown
    assert "  XODD                 one" in shown
    assert "  AUTH                 log-in by PLAIN LOGIN CRAM-MD5 XOAUTH2 OAUTHBEARER" in shown


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1000, r"The first message of the campaign has \d\.\d KB\. It fits\."),
        (9_000_000, r"The first message of the campaign has 11\.\d MB: this server would refuse"),
    ],
)
def test_the_first_message_is_compared_with_the_limit(
    campaign: Path, size: int, words: str
) -> None:
    path = campaign / "campaign.toml"
    path.write_text(path.read_text().replace("[smtp]", 'attachments = ["large.bin"]\n[smtp]'))
    (campaign / "large.bin").write_bytes(bytes(size))
    (campaign / "body.txt").write_text("Hello")
    (campaign / "recipients.csv").write_text("email\nann@example.org\n")
    assert re.search(words, run(campaign).stdout)


@pytest.mark.parametrize("table", [None, "email\nnobody\n", "name\nann\n"])
def test_a_campaign_without_a_message_is_enough(campaign: Path, table: str | None) -> None:
    if table is not None:
        (campaign / "recipients.csv").write_text(table)
    result = run(campaign)
    assert result.exit_code == ExitStatus.DONE
    assert "The first message" not in result.stdout


def test_recipients_on_standard_input_are_not_read(campaign: Path) -> None:
    path = campaign / "campaign.toml"
    path.write_text(path.read_text() + '[recipients]\nfile = "-"\n')
    (campaign / "body.txt").write_text("x")
    result = CliRunner().invoke(app, ["connect", str(campaign)], input="email\nann@example.org\n")
    assert result.exit_code == ExitStatus.DONE
    assert "The first message" not in result.stdout


def test_a_refused_recipient_is_explained_and_reset(campaign: Path, server: ScriptedServer) -> None:
    result = run(campaign, "--to", "unknown@example.org")
    assert result.exit_code == ExitStatus.STOPPED
    lines = result.stdout.splitlines()
    refusal = lines.index("S: 550 5.1.1 No such user")
    assert lines[refusal + 1].strip() == "There is no such mailbox."
    assert lines[refusal + 2].startswith("   → ")
    assert "the server refused the test" in result.stderr
    assert server.commands()[-2:] == ["RSET", "QUIT"]


def test_a_refused_sender_ends_the_test(campaign: Path, server: ScriptedServer) -> None:
    path = campaign / "campaign.toml"
    path.write_text(path.read_text().replace("News <news@", "News <other@"))
    result = run(campaign, "--to", "me@example.org")
    assert result.exit_code == ExitStatus.STOPPED
    assert "This log-in may not send as this address." in result.stdout
    assert not any(line.startswith("RCPT") for line in server.commands())


def test_a_refused_log_in_is_explained(campaign: Path) -> None:
    path = campaign / "campaign.toml"
    path.write_text(path.read_text().replace(f"echo {SECRET}", "echo wrong"))
    result = run(campaign)
    assert result.exit_code == ExitStatus.LOGIN_REFUSED
    assert "S: 535 5.7.8 Authentication credentials invalid" in result.stdout
    assert "The server refused the user name or the password." in result.stdout


def test_a_refused_token_is_not_called_a_wrong_password(campaign: Path) -> None:
    path = campaign / "campaign.toml"
    path.write_text(path.read_text().replace("password_command", "token_command"))
    result = run(campaign)
    assert result.exit_code == ExitStatus.LOGIN_REFUSED
    assert "S: 535 5.7.8 Authentication credentials invalid" in result.stdout
    assert "The server refused the access token" in result.stdout
    assert "Run token_command by hand" in result.stdout


def test_a_chinese_locale_gets_chinese(campaign: Path) -> None:
    shown = run(campaign, "--to", "unknown@example.org", LANG="zh_CN.UTF-8").stdout
    assert "正在连接" in shown
    assert "该邮箱不存在。" in shown
    assert "服务器支持的扩展" in shown
    assert "There is no such mailbox" not in shown


def test_the_error_line_does_not_repeat_the_explanation(campaign: Path) -> None:
    path = campaign / "campaign.toml"
    path.write_text(path.read_text().replace(f"echo {SECRET}", "echo wrong"))
    english, chinese = run(campaign), run(campaign, LANG="zh_CN.UTF-8")
    action = english.stdout.partition("→ ")[2].splitlines()[0]
    assert action
    assert action not in english.stderr
    assert english.stderr == (
        'error: the log-in as news@example.org was refused: "535 5.7.8 Authentication credentials '
        'invalid" (nothing was sent; see the explanation below the reply)\n'
    )
    assert chinese.exit_code == ExitStatus.LOGIN_REFUSED
    assert chinese.stderr == (
        '错误：服务器拒绝登录："535 5.7.8 Authentication credentials invalid"'
        "（未发送任何邮件；说明见该应答下方）\n"
    )


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (Stage.GREETING, "服务器拒绝本次会话"),
        (Stage.EHLO, "服务器拒绝问候"),
        (Stage.MAIL, "服务器拒绝试探"),
        (Stage.RCPT, "服务器拒绝试探"),
    ],
)
def test_a_chinese_error_line_names_what_was_refused(stage: Stage, words: str) -> None:
    rules = (
        Rule(When(stage), (Reply(554, "no"),)),
        Rule(When(Stage.HELO), (Reply(554, "no"),)),
    )
    with serve(*rules) as plain:
        result = run(
            *("--host", "localhost", "--port", str(plain.port), "--security", "none"),
            *("--to", "me@example.org"),
            LANG="zh_CN.UTF-8",
        )
    assert result.exit_code == ExitStatus.STOPPED
    assert result.stderr.startswith(f'错误：{words}："554 no"')


def test_json_is_one_document_also_when_it_fails(campaign: Path) -> None:
    good = json.loads(run(campaign, "--json", "--to", "me@example.org").stdout)
    assert good["offers"]["SIZE"] == "10485760"
    assert (good["refused"], good["error"]) == ("", "")
    assert good["tls"].startswith("TLSv1.")
    greeting = good["dialogue"][0]
    assert (greeting["side"], greeting["line"][:4]) == ("S", "220 ")
    assert greeting["meaning"].startswith("The server is online")
    bad = run(campaign, "--json", "--to", "unknown@example.org")
    assert json.loads(bad.stdout)["refused"] == "550 5.1.1 No such user"
    path = campaign / "campaign.toml"
    path.write_text(path.read_text().replace(f"echo {SECRET}", "echo wrong"))
    refused = run(campaign, "--json")
    assert refused.exit_code == ExitStatus.LOGIN_REFUSED
    assert "was refused" in json.loads(refused.stdout)["error"]


@pytest.mark.parametrize(
    "arguments",
    [("--port", "25"), ("--username", "me"), ("--security", "tls"), (".", "--host", "localhost")],
)
def test_contradicting_options_are_refused(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == ExitStatus.USAGE
    assert result.stderr.startswith("error: ")


def test_the_password_comes_from_the_environment() -> None:
    with serve(users={"me@example.org": SECRET}, auth_in_clear=True, auth_required=True) as plain:
        result = run(
            *("--host", "localhost", "--port", str(plain.port), "--security", "none"),
            *("--username", "me@example.org", "--to", "me@example.org"),
            MAILMERGE_SMTP_PASSWORD=SECRET,
        )
        assert result.exit_code == ExitStatus.DONE, result.stderr
        assert "MAIL FROM:<me@example.org>" in plain.commands()
        assert "window = 16" not in result.stdout, "this server is near"


def test_a_server_without_extensions_is_described() -> None:
    with serve(esmtp=False) as plain:
        result = run("--host", "localhost", "--port", str(plain.port), "--security", "none")
    assert result.exit_code == ExitStatus.DONE
    assert "supports only the old SMTP" in result.stdout
    assert "What it does not offer" in result.stdout
    assert "four round trips per message" in result.stdout


def test_a_lost_connection_ends_the_test() -> None:
    with serve(Rule(When(Stage.RCPT), (Close(),))) as plain:
        result = run(
            *("--host", "localhost", "--port", str(plain.port), "--security", "none"),
            *("--to", "me@example.org"),
        )
    assert result.exit_code == ExitStatus.STOPPED
    assert result.stdout.splitlines()[-1] == "C: RCPT TO:<me@example.org>"


def test_an_unreachable_server_is_a_usage_error() -> None:
    port = servers.free_port()
    result = run("--host", "localhost", "--port", str(port), "--security", "none")
    assert result.exit_code == ExitStatus.USAGE
    assert result.stderr.startswith("error: ")
    assert "check --host and --port" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("variable", "words"),
    [("en_US.UTF-8", "check --host, and the network"), ("zh_CN.UTF-8", "--host")],
)
def test_an_unknown_host_of_an_option_names_the_option(variable: str, words: str) -> None:
    result = run("--host", "no-such-host.invalid", "--json", LANG=variable)
    assert words in " ".join(result.stderr.split())
    assert "[smtp]" not in result.stderr
    assert "[smtp]" not in result.stdout


@pytest.mark.real
def test_the_dialogue_with_postfix_is_explained(
    postfix: servers.Postfix, certificates: servers.Certificates, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_bytes(certificates.ca_file.read_bytes())
    (tmp_path / "campaign.toml").write_text(
        f"""\
[message]
from = "news@example.org"
subject = "x"
text = "body.txt"
[smtp]
host = "localhost"
port = {postfix.tls_port}
security = "tls"
username = "news"
password_command = "echo '{PASSWORD}'"
ca_file = "ca.pem"
"""
    )
    before = len(postfix.accepted())
    result = run(tmp_path, "--to", "late@example.org")
    assert result.exit_code == ExitStatus.STOPPED
    assert "Greylisting" in result.stdout
    assert run(tmp_path, "--to", "ada@example.org").exit_code == ExitStatus.DONE
    assert len(postfix.accepted()) == before


@pytest.fixture
def zone(server: ScriptedServer, certificates: servers.Certificates) -> Iterator[dict[str, str]]:
    """The environment in which a real DNS server knows own.example."""
    with nsd({"own.example": f"_submission._tcp SRV 0 1 {server.port} localhost."}) as port:
        yield {
            "MAILMERGE_DNS_SERVER": f"127.0.0.1:{port}",
            "SSL_CERT_FILE": str(certificates.ca_file),
            "MAILMERGE_SMTP_PASSWORD": SECRET,
        }


@pytest.mark.real
def test_server_of_an_address_is_found_and_tested(
    server: ScriptedServer, zone: dict[str, str]
) -> None:
    result = run("--username", "ann@own.example", **zone)
    assert result.exit_code == ExitStatus.DONE, result.stderr
    shown = result.stdout.splitlines()
    assert shown[0] == f"own.example: localhost:{server.port}, found by its SRV record"
    assert shown[1:4] == ["  [smtp]", '  host = "localhost"', f"  port = {server.port}"]
    assert "C: AUTH PLAIN ****" in shown
    document = json.loads(run("--username", "ann@own.example", "--json", **zone).stdout)
    assert document["found"] == {
        "way": "srv",
        "host": "localhost",
        "port": server.port,
        "security": "starttls",
        "username": "ann@own.example",
        "provider": "",
    }


def test_proton_bridge_is_trusted_by_its_own_certificate(tmp_path: Path) -> None:
    """Bridge signs its certificate for 127.0.0.1 itself; the user exports it."""
    chain, certificate = self_signed(tmp_path)
    settings = Settings(chain_file=str(chain), users={"ann@proton.me": SECRET}, auth_required=True)
    with ScriptedServer(Script(settings)) as bridge:
        text = f"""\
[message]
from = "Ann <ann@proton.me>"
subject = "x"
text = "body.txt"
[smtp]
provider = "proton-bridge"
port = {bridge.port}
username = "ann@proton.me"
password_command = "echo {SECRET}"
"""
        (tmp_path / "campaign.toml").write_text(text, encoding="utf-8")
        untrusted = run(tmp_path)
        assert untrusted.exit_code != ExitStatus.DONE
        assert "set ca_file" in untrusted.stderr
        (tmp_path / "campaign.toml").write_text(
            f'{text}ca_file = "{certificate.name}"\n', encoding="utf-8"
        )
        result = run(tmp_path)
    assert result.exit_code == ExitStatus.DONE, result.stderr
    assert "security: starttls" in result.stdout


def self_signed(folder: Path) -> tuple[Path, Path]:
    """The files of a certificate for 127.0.0.1 that has no authority: with its key, and alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain, certificate = folder / "chain.pem", folder / "cert.pem"
    chain.write_bytes(private + public)
    certificate.write_bytes(public)
    return chain, certificate
