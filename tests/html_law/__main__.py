"""`python -m tests.html_law`: the law for each template of the corpus, as a table or as lines."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from mailmerge.errors import MailmergeError

from .browser import browser
from .corpus import CORPUS, Result, compare_template, templates
from .expected import write_expected


def main() -> None:
    """Compare the templates that the options choose."""
    parser = argparse.ArgumentParser(prog="python -m tests.html_law", description=__doc__)
    parser.add_argument("--template", help="only templates whose name contains this text")
    parser.add_argument(
        "--folder", type=Path, default=CORPUS, help="another folder of templates (*.html)"
    )
    parser.add_argument(
        "--table", action="store_true", help="one row for each template; else each difference"
    )
    parser.add_argument(
        "--write", action="store_true", help="write the differences as the expected ones"
    )
    options = parser.parse_args()
    results = []
    with browser() as chromium:
        for template in templates(options.folder):
            if options.template and options.template not in template.name:
                continue
            try:
                result = compare_template(chromium, template)
            except MailmergeError as error:
                print(f"{template.name}: {error}")
                continue
            results.append(result)
            _print_row(result) if options.table else _print_lines(result)
    _print_sum(results)
    if options.write:
        write_expected(results)


def _print_row(result: Result) -> None:
    counts = Counter(one.name for one in result.differences)
    shown = ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "-"
    print(f"{result.template:42} {result.elements:5} {result.seconds:5.2f} s  {shown}", flush=True)


def _print_lines(result: Result) -> None:
    print(f"{result.template}: {result.elements} elements, {len(result.differences)} differences")
    for one in result.differences:
        print(f"    {one}", flush=True)


def _print_sum(results: list[Result]) -> None:
    same = sum(not result.differences for result in results)
    seconds = sum(result.seconds for result in results)
    counts = Counter(one.name for result in results for one in result.differences)
    print(f"\n{len(results)} templates, {same} without a difference, {seconds:.1f} s")
    for name, count in counts.most_common():
        print(f"    {name:34} {count}")


if __name__ == "__main__":
    main()
