"""The command of damage.py: a small main module, which each killed process imports again."""

from __future__ import annotations

if __name__ == "__main__":
    from tests.ledger.damage import main

    main()
