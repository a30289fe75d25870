"""The folder of the check's tests, here too."""

from tests.preflight.conftest import folder

__all__ = ["folder"]
