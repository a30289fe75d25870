"""The JavaScript modules of the page -> one script, for pages that a browser opens from disk.

A browser loads no modules from disk. This is not a general bundler: it removes `import` and
`export` with regular expressions, and writes the modules into a single scope, each after its
imports.

Supported:
  * `import { a, b } from "./file.js";` at the beginning of a line, also over several lines
  * `export` before a function, class, const or let declaration

Refused with ValueError, because a single scope cannot express it or a regular expression cannot see
it: any other form of import or export (default, renamed, whole namespace, re-export, dynamic),
`import.meta`, an imported name that the other module does not export, circular imports, a top-level
name that two modules declare, destructuring at the top level, and text that would end or nest the
HTML script element.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)
_DECLARED = re.compile(
    r"^(export )?(?:async )?(?:function\*?|class|const|let|var) ([\w$]+)", re.MULTILINE
)
_DESTRUCTURED = re.compile(r"^(?:export )?(?:const|let|var) [\[{].*", re.MULTILINE)
_REMAINING = re.compile(r"^(?:import|export)\b.*|\bimport\s*[(.].*", re.MULTILINE)
_SCRIPT_TAG = re.compile(r"</?script", re.IGNORECASE)


def bundle_modules(folder: Path, entry: str) -> str:
    """The module `entry` of the folder, with everything that it imports, as one script.

    Raises:
        ValueError: a module uses something that is not supported.
    """
    bundler = _Bundler(folder)
    return "\n".join(bundler.modules(entry))


@dataclass(slots=True)
class _Bundler:
    """`exports` holds the exported names by module; `owners` the module of each top-level name."""

    folder: Path
    exports: dict[str, set[str]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def modules(self, name: str) -> Iterator[str]:
        """The text of a module after the texts of those that it imports."""
        if name in self._open:
            circle = " -> ".join([*self._open, name])
            raise ValueError(f"{name}: circular imports: {circle}")
        if name in self.exports:
            return
        self._open.append(name)
        source = (self.folder / name).read_text(encoding="utf-8")
        for names, imported in _IMPORT.findall(source):
            yield from self.modules(imported)
            self._check_imported(name, names, imported)
        self._open.pop()
        yield self._without_modules(name, source)

    def _without_modules(self, name: str, source: str) -> str:
        """The text without `import` and `export`; what the module declares is noted."""
        self._refuse(name, _DESTRUCTURED, source, "destructuring at the top level")
        self._refuse(name, _SCRIPT_TAG, source, "a script tag inside the script")
        self.exports[name] = set()
        for exported, declared in _DECLARED.findall(source):
            owner = self.owners.setdefault(declared, name)
            if owner != name:
                raise ValueError(f"{name}: {declared} is already declared in {owner}")
            if exported:
                self.exports[name].add(declared)
        script = _EXPORT.sub("", _IMPORT.sub("", source))
        self._refuse(name, _REMAINING, script, "an unsupported import or export")
        return script

    def _check_imported(self, name: str, names: str, imported: str) -> None:
        wanted = {one.strip() for one in names.split(",") if one.strip()}
        missing = wanted - self.exports[imported]
        if missing:
            raise ValueError(f"{name}: {imported} does not export {', '.join(sorted(missing))}")

    @staticmethod
    def _refuse(name: str, pattern: re.Pattern[str], source: str, what: str) -> None:
        found = pattern.search(source)
        if found is not None:
            raise ValueError(f"{name}: {what} is not supported: {found[0].strip()}")
