"""Two distributions with one import name, installed from wheels into one environment."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest

from mailmerge.reports.other_installations import (
    commands_on_path,
    hidden_by,
    other_distributions,
)

ROOT = Path(__file__).parents[2]


def make_wheel(folder: Path, name: str, version: str, files: dict[str, bytes], script: str) -> Path:
    """A wheel with the command `mailmerge`, as an installer takes it."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{script}\n".encode(),
    }
    record = [f"{path},sha256={digest(data)},{len(data)}" for path, data in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, data in content.items():
            archive.writestr(file, data)
    return path


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def older(folder: Path) -> Path:
    """The shape of the older distribution: `mailmerge/__init__.py`, `__main__.py`, the command."""
    files = {
        "mailmerge/__init__.py": b'"""Another program."""\n',
        "mailmerge/__main__.py": b"def main():\n    print('the other program')\n",
        "mailmerge/template_message.py": b"",
    }
    return make_wheel(folder, "mailmerge", "2.2.3", files, "mailmerge = mailmerge.__main__:main")


def newer(folder: Path) -> Path:
    """This program."""
    files = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in (ROOT / "mailmerge").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    files["mailmerge_toolkit.py"] = (ROOT / "mailmerge_toolkit.py").read_bytes()
    script = "mailmerge = mailmerge.cli:main\nmailmerge-toolkit = mailmerge_toolkit:main"
    return make_wheel(folder, "mailmerge-toolkit", "9.9", files, script)


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment that finds the libraries of this one, and nothing else."""
    folder = tmp_path / "environment"
    venv.create(folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    here = next(one for one in sys.path if one.endswith("site-packages"))
    (packages / "libraries.pth").write_text(here + "\n")
    return folder


def install(environment: Path, *wheels: Path) -> None:
    """Install the wheels one after the other, as two calls of a user do."""
    for wheel in wheels:
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--python", environment, "install", "-q"),
                *("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"),
                *("--force-reinstall", wheel),
            ],
            check=True,
        )


def run(environment: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [environment / "bin" / command, *arguments],
        env={**os.environ, "LANGUAGE": "en", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def packages_of(environment: Path) -> list[str]:
    return [str(one) for one in environment.glob("lib/python*/site-packages")]


def test_two_distributions_in_one_environment_are_named(tmp_path: Path, environment: Path) -> None:
    install(environment, older(tmp_path), newer(tmp_path))

    (other,) = other_distributions(lambda: distributions(path=packages_of(environment)))
    assert (other.name, other.version) == ("mailmerge", "2.2.3")
    assert "mailmerge/__init__.py" in other.files
    assert "../../../bin/mailmerge" in other.files
    assert other.replaced == ()

    shown = run(environment, "mailmerge", "--version", "--verbose").stdout
    assert "mailmerge 2.2.3 owns 4 files" in " ".join(shown.split())
    assert "pip uninstall mailmerge mailmerge-toolkit" in " ".join(shown.split())
    result = run(environment, "mailmerge", "doctor", "--no-dns")
    assert result.returncode == 0
    assert "note same name" in result.stdout

    install(environment, older(tmp_path))  # now it has overwritten files of this program
    (other,) = other_distributions(lambda: distributions(path=packages_of(environment)))
    assert "mailmerge/__init__.py" in other.replaced
    assert "replaced here: " in str(other)
    assert "the other program" in run(environment, "mailmerge", "--version").stdout
    result = run(environment, "mailmerge-toolkit", "--version")
    assert result.returncode == 1
    assert "error: mailmerge 2.2.3 owns 4 files" in result.stderr
    assert "pip uninstall mailmerge mailmerge-toolkit" in result.stderr


def test_one_distribution_is_no_collision(tmp_path: Path, environment: Path) -> None:
    install(environment, newer(tmp_path))
    assert other_distributions(lambda: distributions(path=packages_of(environment))) == []
    shown = run(environment, "mailmerge-toolkit", "--version", "--verbose").stdout
    assert shown.startswith("mailmerge ")
    assert "no other program named mailmerge was found" in shown


def test_two_names_of_one_command_count_once(tmp_path: Path) -> None:
    command = tmp_path / "real" / "mailmerge"
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o700)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "mailmerge").symlink_to(command)
    path = os.pathsep.join([str(tmp_path / "linked"), "", str(command.parent)])
    assert commands_on_path(path) == [tmp_path / "linked" / "mailmerge"]
    assert hidden_by(command, path) is None


def test_a_command_called_by_its_whole_name_is_not_hidden(tmp_path: Path) -> None:
    other = tmp_path / "mailmerge"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o700)
    assert hidden_by(tmp_path / "venv" / "mailmerge", str(tmp_path)) is None
    assert hidden_by(other, "") is None
