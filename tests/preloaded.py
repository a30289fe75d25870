"""Everything that a forked command would import: the package, and the libraries it imports late."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil

import mailmerge

_LATE = ("lxml.html", "multiprocessing.synchronize", "pandas", "premailer", "tqdm")
_MODULES = [one.name for one in pkgutil.walk_packages(mailmerge.__path__, "mailmerge.")]

for _name in (*_MODULES, *_LATE):
    # A module of another platform cannot be imported here, nor a library of an optional extra.
    with contextlib.suppress(ImportError):
        if not _name.endswith("__main__"):
            importlib.import_module(_name)
