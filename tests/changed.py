"""What a change can reach, for `make test-changed`: the tests that import it, and those that name it.

Imports are followed as they stand; a module that a string names (a command that a test starts) counts as one. What is
no Python (templates, scripts) is reached by who names its file. Tests on machines run the whole product, so that its
imports tell nothing there: those are taken that import the changed file themselves, that have its name in theirs, or
that speak of it, unless these are many. So this is for work in between; what counts is `make test`.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

REPOSITORY = Path(__file__).parents[1]
ON_MACHINES = ("tests/lab/", "tests/docs/test_runbook.py", "tests/docs/test_first_steps.py")
MODULE = re.compile(r"\b(?:homeport|tests|benchmarks)(?:\.\w+)+")
# What makes machines, and looks at them: here imports tell.
MACHINERY = ("tests/", "homeport/lab/")
# A name that more tests on machines speak of tells none of them from the others.
MANY = 6


def main() -> None:
    """Print the test files that are reached: `fast` those without machines, `machines` those on them."""
    names = lines("git", "ls-files", "-co", "--exclude-standard", "--deduplicate", "--", "*.py")
    files = {name: (REPOSITORY / name).read_text() for name in names if (REPOSITORY / name).is_file()}
    found = reached(files, changed())
    on_machines = sys.argv[1:] == ["machines"]
    print("\n".join(sorted(name for name in found if name.startswith(ON_MACHINES) == on_machines)))


def changed() -> set[str]:
    """Return the files that differ from where this branch left main, whether they are committed or not."""
    [base] = lines("git", "merge-base", "HEAD", "main") or ["HEAD"]
    return {*lines("git", "diff", "--name-only", base), *lines("git", "ls-files", "-o", "--exclude-standard")}


def lines(*command: str) -> list[str]:
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def reached(files: Mapping[str, str], changed: Collection[str]) -> set[str]:
    """Return the test files that a change of the files `changed` can reach; `files` has the text of Python's."""
    users: dict[str, set[str]] = defaultdict(set)
    for name, text in files.items():
        for other in imports(name, text, files):
            users[other].add(name)
    begun = {*changed, *(name for name, text in files.items() for one in changed if is_named(one, text))}
    machinery = {name for name in {*files, *changed} if name.startswith(MACHINERY)}
    found = {name for name in closure(begun, users) if not name.startswith(ON_MACHINES)}
    found |= closure(machinery & begun, {name: users[name] & machinery for name in machinery})
    found |= {name for one in changed for name in users[one] | speaking(one, files) if name.startswith(ON_MACHINES)}
    return {name for name in found if name in files and is_test(name)}


def closure(begun: Collection[str], users: Mapping[str, set[str]]) -> set[str]:
    """Return these files, their users, the users' users, and so on."""
    found: set[str] = set()
    waiting = set(begun)
    while waiting:
        found.add(one := waiting.pop())
        waiting |= users.get(one, set()) - found
    return found


def imports(name: str, text: str, files: Collection[str]) -> set[str]:
    """Return the files of the repository that a Python file imports or names as modules; a test's conftests too."""
    words = set(MODULE.findall(text))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            words |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = PurePosixPath(name).parts[: -node.level] if node.level else ()
            module = ".".join([*package, *filter(None, [node.module])])
            words |= {module, *(f"{module}.{one.name}" for one in node.names)}
    own = {f"{folder}/conftest.py" for folder in PurePosixPath(name).parents} if is_test(name) else set()
    return {file for word in words for file in files_of(word) if file in files} | (own & set(files))


def files_of(module: str) -> Iterator[str]:
    """Yield the files that are read when a module is imported, if there are such."""
    parts = module.split(".")
    yield f"{'/'.join(parts)}.py"
    for length in range(1, len(parts) + 1):
        yield f"{'/'.join(parts[:length])}/__init__.py"


def is_named(path: str, text: str) -> bool:
    """Tell whether a Python file names one that is no Python: by its place or its name, a script without `.sh` too."""
    file = PurePosixPath(path)
    if file.suffix == ".py":
        return False
    quoted = (f'"{file.stem}"',) if file.suffix == ".sh" else ()
    return any(word in text for word in ("/".join(file.parts[-2:]), f'"{file.name}"', *quoted))


def speaking(path: str, files: Mapping[str, str]) -> set[str]:
    """Return the tests on machines with a file's name in theirs, and those that speak of it if these are few."""
    file = PurePosixPath(path)
    if file.parts[0] not in ("homeport", "templates"):
        return set()
    tests = {name: text for name, text in files.items() if name.startswith(ON_MACHINES) and is_test(name)}
    stem = file.stem.partition(".")[0].strip("_@")
    alike = {name for name in tests if stem in PurePosixPath(name).stem}
    said = {name for name, text in tests.items() if re.search(rf"\b{re.escape(stem)}\b", text)}
    return alike | (said if len(said) <= MANY else set())


def is_test(name: str) -> bool:
    """Tell whether a file has tests."""
    return name.startswith("tests/") and PurePosixPath(name).name.startswith("test_")


if __name__ == "__main__":
    main()
