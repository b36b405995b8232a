"""The order of the packages, which docs/architecture.md has with a line for each and what it rests on, is kept.

Imports go up that table and never down, so that there is no cycle. Those in functions and for types alone count too.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
ROW = re.compile(r"^\| `(?P<name>[a-z_/.]+)` \| (?P<what>[^|]+) \| (?P<rests>[^|]+) \|$")
STANDARD, DECIDES, HERE, PYINFRA = "standard library", "decides", "this machine", "pyinfra"
PYINFRA_MODULES = {"pyinfra", "pyinfra_cli", "gevent", "paramiko"}
# What starts programs or opens connections.
ACTING = {"subprocess", "socket", "socketserver", "http", "urllib.request", "asyncio", "click", *PYINFRA_MODULES}
Graph = dict[str, set[str]]


def table(text: str) -> dict[str, tuple[str, str]]:
    """Return, in their order, the packages of the section "Packages": what each is, and what it rests on."""
    section = text.partition("\n## Packages\n")[2].partition("\n## ")[0]
    rows = [row for line in section.splitlines() if (row := ROW.match(line))]
    found = {row["name"].removesuffix("/").removesuffix(".py"): (row["what"].strip(), row["rests"]) for row in rows}
    assert len(found) == len(rows)
    return found


def modules(folder: Path) -> dict[str, str]:
    """Return the text of each module below `folder`, by its name without `homeport`; a package's own is `NAME/`."""
    found = {}
    for path in folder.rglob("*.py"):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name != "__init__":
            found[name.removesuffix("__init__")] = path.read_text()
    return found


def imported(name: str, text: str) -> Iterator[str]:
    """Yield the full names of all that a module imports; what is homeport's as a path, `homeport/state/wanted/Part`."""
    folder = name.rpartition("/")[0].split("/") if "/" in name else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            words = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else []
            base = ".".join([*(["homeport"] if node.level else []), *above, *filter(None, [node.module])])
            words = [f"{base}.{one.name}" for one in node.names]
        else:
            continue
        yield from (word.replace(".", "/") if word.startswith("homeport.") else word for word in words)


def graph(texts: Mapping[str, str]) -> tuple[Graph, dict[str, set[str]]]:
    """Return which modules each module imports, and what else."""
    ours: Graph = defaultdict(set)
    others: dict[str, set[str]] = defaultdict(set)
    for name, text in texts.items():
        for word in imported(name, text):
            if not word.startswith("homeport/"):
                others[name] |= {word} - {"homeport"}
                continue
            parts = word.removeprefix("homeport/").split("/")
            names = ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]
            # A package's own text is read on the way to each of its modules.
            ours[name] |= {f"{one}/" for one in names[1:] if not f"{name}/".startswith(f"{one}/")} & texts.keys()
            ours[name] |= {next((one for one in names if one in texts), f"{names[0]}/")} & texts.keys()
        ours[name] -= {name}
    return ours, others


def package(module: str) -> str:
    """Return the package of a module; a module at the top is its own."""
    return module.rpartition("/")[0] or module


def closure(module: str, ours: Graph) -> set[str]:
    found, waiting = set(), {module}
    while waiting:
        found.add(one := waiting.pop())
        waiting |= ours[one] - found
    return found


TEXTS = modules(REPOSITORY / "homeport")
OURS, OTHERS = graph(TEXTS)
TABLE = table((REPOSITORY / "docs/architecture.md").read_text())
ORDER = list(TABLE)


def resting_on(*kinds: str) -> list[str]:
    return sorted(module for module in TEXTS if TABLE.get(package(module), ("", ""))[1] in kinds)


def arrows_down(ours: Graph, order: list[str]) -> list[str]:
    """Return the imports that lead to a package further down in the table."""
    places = defaultdict(int, {name: number for number, name in enumerate(order)})
    return sorted(
        f"{module} imports {other}"
        for module, others in ours.items()
        for other in others
        if places[package(other)] > places[package(module)]
    )


def loads(modules: set[str], others: Mapping[str, set[str]], names: set[str]) -> list[str]:
    """Return which of the `modules` import something by one of the `names`."""
    return sorted(
        f"{module} imports {word}"
        for module in modules
        for word in others[module]
        if any(f"{word}.".startswith(f"{name}.") for name in names)
    )


def test_each_package_stands_in_the_table_with_a_line_that_says_what_it_is() -> None:
    assert sorted({package(module) for module in TEXTS} - set(TABLE)) == [], "packages without a line"
    assert sorted(set(TABLE) - {package(module) for module in TEXTS}) == [], "lines without a package"
    assert all(what for what, _ in TABLE.values())
    assert {rests for _, rests in TABLE.values()} == {STANDARD, DECIDES, HERE, PYINFRA}


def test_imports_lead_up_the_table_alone_so_that_there_is_no_cycle() -> None:
    assert arrows_down(OURS, ORDER) == []


@pytest.mark.parametrize("module", resting_on(STANDARD))
def test_what_runs_on_hosts_rests_on_the_standard_library_alone(module: str) -> None:
    foreign = {
        f"{one} imports {word}"
        for one in closure(module, OURS)
        for word in OTHERS[one]
        if word.partition(".")[0] not in sys.stdlib_module_names
    }
    assert not foreign
    if module.startswith("host/"):
        assert {one for one in closure(module, OURS) if not one.startswith("host/")} == set()


def test_what_decides_starts_no_program_and_opens_no_connection() -> None:
    assert loads(set(resting_on(DECIDES)), OTHERS, ACTING) == []


def test_pyinfra_is_in_no_process_but_those_that_are_for_it() -> None:
    """It patches the interpreter: the command's own process, which draws on the terminal, has to be without it."""
    for module in resting_on(STANDARD, DECIDES, HERE):
        assert loads(closure(module, OURS), OTHERS, PYINFRA_MODULES) == []


def test_of_the_queries_only_what_connects_knows_pyinfra() -> None:
    asking = {module for module in TEXTS if package(module) == "queries"} - {"queries/__main__", "queries/target"}
    assert loads(asking, OTHERS, PYINFRA_MODULES) == []


def test_a_cycle_an_arrow_down_and_an_import_in_a_function_or_for_types_are_found() -> None:
    texts = {
        "low/": "",
        "low/data": "def work():\n    from ..high import plans\n",
        "high/": "",
        "high/plans": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from homeport.low.data import Data\n",
        "alone": "import homeport.high.plans, subprocess\n",
    }
    ours, others = graph(texts)
    assert ours["high/plans"] == {"low/", "low/data"}
    assert arrows_down(ours, ["low", "high", "alone"]) == ["low/data imports high/", "low/data imports high/plans"]
    assert arrows_down(ours, ["high", "low", "alone"]) == ["high/plans imports low/", "high/plans imports low/data"]
    assert loads(closure("alone", ours), others, {"subprocess"}) == ["alone imports subprocess"]
