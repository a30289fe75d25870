"""`python -m mailmerge` is the `mailmerge` command."""

from __future__ import annotations

from mailmerge.cli import main

if __name__ == "__main__":
    main()
