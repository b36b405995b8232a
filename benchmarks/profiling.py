"""Where the time of a run without changes goes: py-spy's samples of the pyinfra process, told apart by their stacks.

The samples come in their order, so waiting (of which gevent's hub is all that can be seen) counts for what was at work
before it. Sampling costs time itself: read the shares.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

from benchmarks.bench import Bench, unchanged
from benchmarks.peers.running import ENVIRONMENT
from tests.lab.project import PYINFRA

RATE = 100  # samples a second
RUNS = 3
Frame = tuple[str, str]  # function, file

START = "interpreter: its start and end"
PYINFRA_IMPORTS = "imports of pyinfra (with click, gevent, paramiko)"
HOMEPORT_IMPORTS = "imports of homeport (with pydantic, Jinja2, cryptography)"
INVENTORY = "inventory and group data"
SETTINGS = "settings and what is wanted: checks, templates"
GIT = "git: commit, tree, lock"
CONNECTING = "connecting: SSH handshake and login"
WAITING = "waiting for the host to be read"
COMPARE = "reading the answer, comparing, phases"
OPERATIONS = "pyinfra's bookkeeping of operations and facts"
ENDING = "disconnecting and ending"
REST = "pyinfra: command line, output and the rest"
CATEGORIES = (
    START,
    PYINFRA_IMPORTS,
    HOMEPORT_IMPORTS,
    INVENTORY,
    SETTINGS,
    GIT,
    CONNECTING,
    WAITING,
    COMPARE,
    OPERATIONS,
    ENDING,
    REST,
)

# The innermost frame whose file has one of these in its path decides; the first that fits.
PLACES = (
    ("homeport/source/", GIT),
    ("homeport/lab/", INVENTORY),
    ("homeport/pyinfra_support/connection.py", CONNECTING),
    ("homeport/state/", COMPARE),
    ("homeport/comparison/", COMPARE),
    ("homeport/comparison/", COMPARE),
    ("homeport/comparison/", COMPARE),
    ("homeport/operations/", COMPARE),
    ("homeport/facts/", COMPARE),
    ("homeport/deploy.py", COMPARE),
    ("homeport/", SETTINGS),
    ("pyinfra_cli/inventory.py", INVENTORY),
    ("pyinfra/api/inventory.py", INVENTORY),
    ("pyinfra/api/connect.py", CONNECTING),
    ("pyinfra/connectors/", CONNECTING),
    ("paramiko/", CONNECTING),
    ("pyinfra/api/", OPERATIONS),
    ("pyinfra_cli/", REST),
    ("pyinfra/", REST),
)


def measured(bench: Bench) -> None:
    """Profile some runs without changes; each category has its mean of them."""
    host, output = bench.provisioned(), bench.stage.folder / "profile.json"
    spy = [str(ENVIRONMENT / "bin" / "py-spy"), "record", "--idle", "-f", "speedscope", "-r", str(RATE)]
    total: Counter[str] = Counter()
    for _ in range(RUNS):
        run = unchanged(bench.stage.pyinfra([host], by=(*spy, "-o", str(output), "--", sys.executable, str(PYINFRA))))
        total.update(shares(main_thread(json.loads(output.read_text()))))
        bench.say(f"profile: {run.seconds:.2f} s")
    bench.results.profile = {name: total[name] / RATE / RUNS for name in CATEGORIES if total[name]}


def main_thread(recorded: dict[str, Any]) -> list[list[Frame]]:
    """Return the stacks of the thread with Python's main program, each from the outermost frame inwards, in order.

    A process of which py-spy saw nothing yet, or nothing any more, has an empty stack.
    """
    # Functions without the classes that they belong to.
    frames = [(one["name"].rpartition(".")[2], one.get("file") or "") for one in recorded["shared"]["frames"]]
    threads = [[[frames[index] for index in stack] for stack in one["samples"]] for one in recorded["profiles"]]
    return max(threads, key=lambda stacks: sum(1 for stack in stacks if stack and stack[0][0] == "<module>"))


def shares(stacks: Iterable[list[Frame]]) -> Counter[str]:
    """Return how many of the stacks, which come in their order, belong to each of CATEGORIES."""
    found: Counter[str] = Counter()
    before, connected = START, False
    for stack in stacks:
        # pyinfra runs deploy.py when all hosts are connected.
        connected = connected or any(frame[0] == "deploy" and "homeport/deploy.py" in frame[1] for frame in stack)
        kind = category(stack)
        if kind is None:  # waiting
            kind = before if before in (GIT, ENDING) else WAITING if connected else CONNECTING
        else:
            before = kind
        if kind == CONNECTING and connected:
            kind = WAITING
        found[kind] += 1
    return found


def category(stack: list[Frame]) -> str | None:
    """Return which of CATEGORIES a stack belongs to; None for gevent's hub, which waits for something."""
    if not stack:
        return START
    if stack[0][1].endswith("gevent/hub.py"):
        return None
    importing = [number for number, (name, _) in enumerate(stack) if name == "_find_and_load"]
    if importing:
        return _importer(stack, importing[0])
    if any(name in ("disconnect", "disconnect_all", "_exitfunc", "_shutdown", "_run_exitfuncs") for name, _ in stack):
        return ENDING
    for _, file in reversed(stack):
        for place, kind in PLACES:
            if place in file:
                return kind
    return START if len(stack) < 3 else REST


def _importer(stack: list[Frame], first: int) -> str:
    """Return whose import it is: of the first module that is loaded, or else of the one that asks for it."""
    loaded = [file for name, file in stack[first:] if name == "<module>"]
    asking = [stack[first - 1][1]] if first else []
    ours = any("homeport/" in file or file.endswith("deploy.py") for file in (loaded[:1] or asking))
    return HOMEPORT_IMPORTS if ours else PYINFRA_IMPORTS
