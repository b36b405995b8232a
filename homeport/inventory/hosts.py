"""Reads an inventory's data of its hosts (secrets, workers) without connecting.

`python -m homeport.inventory.hosts FILE` is a process of its own, because pyinfra patches the interpreter. It prints a
line of JSON for each host.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from pyinfra.api import Host
from pyinfra.api.state import State
from pyinfra.context import ctx_state
from pyinfra_cli.inventory import make_inventory

from homeport.errors import EXIT_USAGE, HomeportError
from homeport.inventory.loading import load_inventory
from homeport.pyinfra_support.interpreter import economize
from homeport.settings.loading import load


def main(inventory: str, *limits: str) -> None:
    """Print, for each host of `inventory` that the `limits` (names or groups) select, what is asked of its settings."""
    for host in hosts(inventory, limits):
        print(json.dumps(_described(host)))


def hosts(inventory: str, limits: tuple[str, ...]) -> list[Host]:
    """Return the hosts of `inventory`, a file seen from the project's folder, that the `limits` select.

    Raises UsageError when the inventory or its group data cannot be read.
    """
    economize()
    folder = on_path()
    with ctx_state.use(State()):
        return [host for host in load_inventory(make_inventory, inventory, cwd=folder) if selected(host, limits)]


@contextmanager
def open_inventory(inventory: str, limits: Iterable[str]) -> Iterator[tuple[State, list[Host]]]:
    """Give pyinfra's state for `inventory`, ready to connect, and the hosts of it that the `limits` select.

    Raises UsageError when the inventory or its group data cannot be read.
    """
    economize()
    limits, state = tuple(limits), State()
    state.cwd = on_path()
    with ctx_state.use(state):
        everyone = load_inventory(make_inventory, inventory, cwd=state.cwd)
        chosen = [host for host in everyone if selected(host, limits)]
        state.init(everyone, None, initial_limit=chosen)
        yield state, chosen


def on_path() -> str:
    """Have inventories and group data import what is in the project, as under pyinfra; return its folder."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    return folder


def selected(host: Host, limits: Iterable[str]) -> bool:
    """Tell whether the `limits` (names or groups, with wildcards; none: all) select the host."""
    limits = tuple(limits)
    return not limits or any(fnmatch(name, limit) for name in (host.name, *host.groups) for limit in limits)


def _described(host: Host) -> dict[str, object]:
    settings = load(host.data.dict(), host.name)
    return {
        "host": host.name,
        "secrets_file": settings.secrets_file,
        "workers": settings.workers,
        "elsewhere": [*settings.environment, *settings.secrets_from_environment],
    }


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except HomeportError as error:
        for line in error.line().splitlines():
            print(f"error: {line}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None
