"""Command lines of campaign.toml, as each platform reads them."""

from __future__ import annotations

import pytest

from mailmerge.portable.commands import split_command


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_quotes_hold_words_together_everywhere(platform: str) -> None:
    command = """show 'a b' "it's" c#d ; $HOME"""
    assert split_command(command, platform) == ["show", "a b", "it's", "c#d", ";", "$HOME"]
    with pytest.raises(ValueError, match="quotation"):
        split_command("show 'a", platform)


def test_backslash_separates_folders_on_windows_only() -> None:
    command = r'"C:\My Tools\secret.exe" C:\keys\smtp.txt'
    assert split_command(command, "win32") == [r"C:\My Tools\secret.exe", r"C:\keys\smtp.txt"]
    assert split_command(r"show a\ b", "linux") == ["show", "a b"]
