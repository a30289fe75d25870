"""complex_math.py SITE OUT: the C runtime's complex functions, which Wine 8 lacks.

numpy and pandas import `api-ms-win-crt-math-l1-1-0.dll`. Wine's has the real functions but not the
complex ones (C99, 7.3). This writes OUT/complex_math.c and OUT/complex_math.def, the source of a
DLL that has all the functions that are imported: the complex ones are those of MinGW, all others
are forwarded to ucrtbase. Then it writes the name of that DLL, which is as long, into the modules
of SITE.

The calling convention of Windows x64 passes a complex number of two floats in an integer register,
and one of two doubles as a structure.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPLACED = b"api-ms-win-crt-math-l1-1-0.dll"
REPLACEMENT = b"xx-mm-win-crt-math-l1-1-0.dll\0"
PACKAGES = {"numpy", "numpy.libs", "pandas"}
TO_REAL = {"cabs", "carg", "cimag", "creal"}
OF_TWO = {"cpow"}
TO_COMPLEX = {
    "cacos", "cacosh", "casin", "casinh", "catan", "catanh", "ccos", "ccosh", "cexp", "clog",
    "conj", "cproj", "csin", "csinh", "csqrt", "ctan", "ctanh",
}  # fmt: skip
COMPLEX = TO_REAL | OF_TWO | TO_COMPLEX

PREAMBLE = """\
#include <complex.h>
#include <stdint.h>
typedef union { float complex z; uint64_t bits; } Single;
typedef struct { double re, im; } Double;
static inline double complex number(Double d) { return d.re + I * d.im; }
static inline Double structure(double complex z) { Double d = {creal(z), cimag(z)}; return d; }
"""
SINGLE_TO_REAL = "float my_{name}(uint64_t x) {{ Single a = {{.bits = x}}; return {name}(a.z); }}"
SINGLE = (
    "uint64_t my_{name}(uint64_t x) "
    "{{ Single a = {{.bits = x}}, r; r.z = {name}(a.z); return r.bits; }}"
)
SINGLE_OF_TWO = (
    "uint64_t my_{name}(uint64_t x, uint64_t y) "
    "{{ Single a = {{.bits = x}}, b = {{.bits = y}}, r; r.z = {name}(a.z, b.z); return r.bits; }}"
)
DOUBLE_TO_REAL = "double my_{name}(Double x) {{ return {base}(number(x)); }}"
DOUBLE = "Double my_{name}(Double x) {{ return structure({base}(number(x))); }}"
DOUBLE_OF_TWO = (
    "Double my_{name}(Double x, Double y) {{ return structure({base}(number(x), number(y))); }}"
)


def imported_functions(module: Path) -> Iterator[str]:
    """The functions that a module imports from the runtime's math part."""
    listing = subprocess.run(
        ["x86_64-w64-mingw32-objdump", "-p", str(module)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    of_math = False
    for line in listing.splitlines():
        if "DLL Name:" in line:
            of_math = "crt-math" in line
        elif of_math and (found := re.match(r"\t[0-9a-f]+\t.*\s(\S+)$", line)):
            yield found[1]


def base_of(name: str) -> str:
    """The function for doubles that a name belongs to (cexpf and cexpl: cexp); "" for real ones."""
    if name in COMPLEX:
        return name
    return name[:-1] if name[-1] in "fl" and name[:-1] in COMPLEX else ""


def definition(name: str, base: str) -> str:
    """The C source of one complex function."""
    single = name == f"{base}f"
    if base in TO_REAL:
        form = SINGLE_TO_REAL if single else DOUBLE_TO_REAL
    elif base in OF_TWO:
        form = SINGLE_OF_TWO if single else DOUBLE_OF_TWO
    else:
        form = SINGLE if single else DOUBLE
    return form.format(name=name, base=base)


def main(site: Path, out: Path) -> None:
    names: set[str] = set()
    for module in [*site.rglob("*.pyd"), *site.rglob("*.dll")]:
        content = module.read_bytes()
        if PACKAGES & set(module.parts) and REPLACED in content:
            names.update(imported_functions(module))
            module.write_bytes(content.replace(REPLACED, REPLACEMENT))
    if not names:
        if not (out / "complex_math.c").exists():
            sys.exit("no module imports the math part of the C runtime")
        return  # an earlier run has done it
    source, exports = [PREAMBLE], ["EXPORTS"]
    for name in sorted(names):
        base = base_of(name)
        if base:
            source.append(definition(name, base))
        exports.append(f"{name} = {f'my_{name}' if base else f'ucrtbase.{name}'}")
    (out / "complex_math.c").write_text("\n".join(source) + "\n")
    (out / "complex_math.def").write_text("\n".join(exports) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
