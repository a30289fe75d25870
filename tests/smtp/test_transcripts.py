"""Every transcript, whole and in any pieces, gives the same bytes and the same outcomes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.smtp import transcript


@pytest.mark.parametrize("cut", [transcript.whole, transcript.byte_by_byte])
@pytest.mark.parametrize("name", transcript.names())
def test_each_transcript_plays_as_written(name: str, cut: transcript.Cut) -> None:
    player = transcript.Player(cut)
    player.play(transcript.read(name))
    assert player.happened or player.machine.session.failure, (
        "a transcript in which nothing happens proves nothing"
    )


@pytest.mark.parametrize("name", transcript.names())
@given(draw=st.data())
@settings(max_examples=10, deadline=None)
def test_the_cut_does_not_change_the_dialogue(name: str, draw: st.DataObject) -> None:
    transcript.Player(transcript.drawn(draw)).play(transcript.read(name))


def test_there_are_transcripts() -> None:
    assert len(transcript.names()) >= 50
