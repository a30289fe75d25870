"""Every transcript, whole and octet by octet: the same octets out, the same outcomes."""

from __future__ import annotations

import pytest

from tests.smtp import transcript


@pytest.mark.parametrize("byte_by_byte", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("name", transcript.names())
def test_the_dialogue_goes_as_written(name: str, byte_by_byte: bool) -> None:
    player = transcript.Player(byte_by_byte=byte_by_byte)
    player.play(transcript.read(name))
    assert player.happened or player.machine.failure, (
        "a transcript in which nothing happens proves nothing"
    )


def test_there_are_transcripts() -> None:
    assert len(transcript.names()) >= 50
