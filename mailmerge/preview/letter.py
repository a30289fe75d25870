"""A message's octets -> the frame that shows its HTML, with the pictures that it carries."""

from __future__ import annotations

from base64 import b64encode

from mailmerge.preview.anatomy import find_picture, pictures, take_apart
from mailmerge.preview.frame import Picture, View, frame_html


def framed(octets: bytes, view: View) -> str:
    """The HTML part as `view` shows it, complete in itself; "" where the message has none."""
    return frame_html(take_apart(octets).html or "", view, carried_pictures(octets))


def carried_pictures(octets: bytes) -> Picture:
    """Gives the message's own pictures as data: addresses."""
    carried = pictures(octets)

    def picture(reference: str) -> str | None:
        found = find_picture(carried, reference)
        if found is None:
            return None
        kind, content = found
        return f"data:{kind};base64,{b64encode(content).decode()}"

    return picture
