"""The language of the user interface, where the environment does not name one.

Windows sets no LANG. It has the language as a number, which Python knows by its locale's name.
"""

from __future__ import annotations

import sys
from typing import Any


def interface_language(system: Any = sys) -> str:
    """The locale of the user's interface, such as `zh_CN`; "" if it is not known.

    `system` has `platform` and may have `kernel32`, the library of Windows; tests replace it.
    """
    if system.platform != "win32":
        return ""
    import locale

    kernel = getattr(system, "kernel32", None)
    if kernel is None:
        import ctypes

        kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]  # of Windows
    number = kernel.GetUserDefaultUILanguage() & 0xFFFF
    return locale.windows_locale.get(number, "")
