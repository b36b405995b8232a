"""The tables of docs/choosing.md, generated from `tests.promises`; `make reference` writes them into the page."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.promises import PROMISES, TABLES, Cell, Column, Elsewhere, Kept, NotKept, Untested

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs/choosing.md"
BEGIN, END = "<!-- from tests/promises.py, by `make reference` -->\n", "<!-- end of what is generated -->\n"
HEAD = """
A number is a test of the list below the tables, which asserts this on the real engine, proxy or server (two for what is
not kept read the exported unit). A letter is the reason why nothing shows it.
"""


def cells() -> Iterator[Cell]:
    """Yield all cells of all tables."""
    for columns in TABLES.values():
        for column in columns.values():
            yield from (column[promise] for promise in PROMISES)


def tests_of(cell: Cell) -> tuple[str, ...]:
    """Return the tests that a cell names."""
    return cell.tests if isinstance(cell, Kept | NotKept) else ()


def named_tests() -> list[str]:
    """Return every test that the tables name, once, in the order of the tables."""
    return list(dict.fromkeys(test for cell in cells() for test in tests_of(cell)))


def reasons() -> list[str]:
    """Return every reason why something is untested, once."""
    return list(dict.fromkeys(cell.reason for cell in cells() if isinstance(cell, Untested)))


def path_of(test: str) -> tuple[str, str, str]:
    """Return the file of a test's short name below the repository, its function, and its parameters."""
    file, _, rest = test.partition("::")
    function, _, parameters = rest.partition("[")
    folder, _, name = file.rpartition("/")
    return f"tests/{folder or 'lab'}/test_{name}.py", f"test_{function}", parameters.removesuffix("]")


def generated() -> str:
    """Return the text between the marks."""
    numbers = {test: number for number, test in enumerate(named_tests(), 1)}
    letters = dict(zip(reasons(), string.ascii_lowercase, strict=False))
    parts = [HEAD]
    for title, columns in TABLES.items():
        parts.append(f"\n### {title}\n\n")
        parts.append("".join(f"{line}\n" for line in table(columns, numbers, letters)))
        parts.append(others(columns))
    parts.append("\n### Why something is not tested\n\n")
    parts.append("".join(f"- ({letter}) {reason}\n" for reason, letter in letters.items()))
    parts.append(
        "\n### The tests\n\nThose of `tests/lab` run on machines and engines of the lab; `make test-all` runs each.\n\n"
    )
    for test, number in numbers.items():
        file, function, parameters = path_of(test)
        shown = f"{file}::{function}" + (f"[{parameters}]" if parameters else "")
        parts.append(f"{number}. `{shown}`\n")
    return "".join(parts) + "\n"


def table(columns: Mapping[str, Column], numbers: dict[str, int], letters: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a table: a promise a line, and what each column makes of it; not those of `others`."""
    yield f"| promise | {' | '.join(columns)} |"
    yield f"|---|{'---|' * len(columns)}"
    for promise in PROMISES:
        if all(isinstance(column[promise], Elsewhere) for column in columns.values()):
            continue
        shown = [words(column[promise], numbers, letters) for column in columns.values()]
        yield f"| {promise} | {' | '.join(shown)} |"


def others(columns: Mapping[str, Column]) -> str:
    """Return the line about the promises that none of these columns has to do with, each with whom it is up to."""
    found = dict[str, list[str]]()
    for promise in PROMISES:
        cells_here = [column[promise] for column in columns.values()]
        whom = {cell.whom if isinstance(cell, Elsewhere) else "" for cell in cells_here}
        if "" not in whom:
            found.setdefault(" or ".join(sorted(whom)), []).append(promise)
    said = [f"{'; '.join(promises)} ({whom})" for whom, promises in found.items()]
    return f"\nNot the concern of any of these: {'; '.join(said)}.\n" if said else ""


def words(cell: Cell, numbers: dict[str, int], letters: dict[str, str]) -> str:
    """Return what a table says of a promise on a ground."""
    named = f" ({', '.join(str(numbers[test]) for test in tests_of(cell))})" if tests_of(cell) else ""
    match cell:
        case Kept(how=how):
            return "kept" + (f": {how}" if how else "") + named
        case NotKept(figure=figure):
            return f"**not kept**: {figure}{named}"
        case Untested(reason=reason):
            return f"*not tested* ({letters[reason]})"
        case Elsewhere(whom=whom):
            return f"not its concern ({whom})"


def whole(page: str) -> str:
    """Return the page with what is generated in its place."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + generated() + END + after


def main() -> None:
    """Write it into the checkout."""
    PAGE.write_text(whole(PAGE.read_text()))


if __name__ == "__main__":
    main()
