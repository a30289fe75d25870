from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.preview.bundle import bundle_modules
from mailmerge.preview.page_files import PAGE_FOLDER


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.js").write_text("export const a = 1;\nexport function also() {}\n")
    return tmp_path


def bundled(folder: Path, source: str) -> str:
    (folder / "main.js").write_text(source)
    return bundle_modules(folder, "main.js")


def test_a_module_follows_the_modules_it_imports(folder: Path) -> None:
    (folder / "b.js").write_text('import { a } from "./a.js";\nexport class B {}\n')
    script = bundled(folder, 'import { B } from "./b.js";\nnew B();\n')
    assert script == "const a = 1;\nfunction also() {}\n\nclass B {}\n\nnew B();\n"


def test_a_module_imported_twice_is_written_once(folder: Path) -> None:
    (folder / "b.js").write_text('import { a } from "./a.js";\nexport let b = a;\n')
    source = 'import { a } from "./a.js";\nimport { b } from "./b.js";\nb(a);\n'
    assert bundled(folder, source).count("const a = 1;") == 1


@pytest.mark.parametrize(
    "source",
    [
        'import { a, also } from "./a.js";\n',
        'import {\n  a,\n  also,\n} from "./a.js";\n',
        "export async function f() {}\n",
        "export function* g() {}\n",
        "const text = 'an import statement';\n",
        "const texts = { import: 1, export: 2 };\n",
        "// import is a word here\n",
    ],
)
def test_supported_sources_are_bundled(folder: Path, source: str) -> None:
    script = bundled(folder, source)
    assert not script.startswith(("import", "export"))
    assert "from " not in script


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('import * as all from "./a.js";\n', "unsupported import"),
        ('import a from "./a.js";\n', "unsupported import"),
        ('import "./a.js";\n', "unsupported import"),
        ('import { a } from "elsewhere";\n', "unsupported import"),
        ("import { a } from './a.js';\n", "unsupported import"),
        ('import { a } from "./a.js"\n', "unsupported import"),
        ('import { a as b } from "./a.js";\n', "does not export a as b"),
        ('import { missing } from "./a.js";\n', "does not export missing"),
        ("export default 1;\n", "unsupported import or export"),
        ("const b = 1;\nexport { b };\n", "unsupported import or export"),
        ('export { a } from "./a.js";\n', "unsupported import or export"),
        ('export * from "./a.js";\n', "unsupported import or export"),
        ("export var b = 1;\n", "unsupported import or export"),
        ('const later = import("./a.js");\n', "unsupported import"),
        ("const here = import.meta.url;\n", "unsupported import"),
        ('import { a } from "./a.js";\nfunction also() {}\n', "already declared in a.js"),
        ("const { x } = window;\n", "destructuring"),
        ("let [x] = [1];\n", "destructuring"),
        ("const end = '</script>';\n", "script tag"),
        ("const begin = '<!-- <SCRIPT';\n", "script tag"),
    ],
)
def test_unsupported_sources_are_refused(folder: Path, source: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        bundled(folder, source)
    assert str(raised.value).startswith("main.js: ")


def test_circular_imports_are_refused(folder: Path) -> None:
    (folder / "b.js").write_text('import { m } from "./main.js";\nexport const b = 1;\n')
    with pytest.raises(ValueError, match=r"circular imports: main\.js -> b\.js -> main\.js"):
        bundled(folder, 'import { b } from "./b.js";\nexport const m = 1;\n')


def test_the_page_bundles_all_its_modules() -> None:
    script = bundle_modules(PAGE_FOLDER, "main.js")
    modules = [path.read_text(encoding="utf-8") for path in PAGE_FOLDER.glob("*.js")]
    assert all(module.splitlines()[0] in script for module in modules)
    assert len(modules) > 10
