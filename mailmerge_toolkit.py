"""The command `mailmerge-toolkit`: the `mailmerge` command under a name that no other program has.

It starts even where another distribution has overwritten files of the package mailmerge, and says
so. That is why it is a module of its own.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run mailmerge, or name the distribution that has overwritten it (exit status 1)."""
    try:
        from mailmerge.cli import main as run
    except ImportError as error:
        sys.exit(_explanation(error))
    run()


def _explanation(error: ImportError) -> str:
    try:
        from mailmerge.reports.other_installations import other_distributions
    except ImportError:
        raise error from None
    others = other_distributions()
    if not others:
        raise error
    lines = [f"error: {one}\n  {one.fix}" for one in others]
    return "\n".join(lines)
