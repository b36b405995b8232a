"""`python -m homeport.queries KIND INVENTORY OPTIONS`: one kind of reading from each host of an inventory.

OPTIONS is a JSON object; its `limit` is a list of hosts or groups, and its `data` is taken before the inventory's.
Prints lines of JSON as they come, all with `host`; a host that cannot be read gives `{"host": …, "error": "one line"}`.
The exit status is 1 when there was such a host. Each of these lines begins with a mark (`homeport.controller.events`):
inventories and group data are programs that may print too.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from importlib import import_module
from typing import Any

import pyinfra_cli  # noqa: F401 - first: it patches the interpreter  # isort: skip
import gevent  # type: ignore[import-untyped]
from pyinfra.api import Host

from homeport.controller.events import MARK
from homeport.errors import EXIT_FAILED, EXIT_USAGE, HomeportError, UsageError
from homeport.inventory.hosts import open_inventory
from homeport.queries.target import Target
from homeport.settings.loading import load

OTHER_VERSION = "deploy once with this homeport, whose version the host may not have"


def main(kind: str, inventory: str, options: dict[str, Any]) -> int:
    """Print what the hosts answer; return the exit status. Raises UsageError for an inventory that is wrong."""
    with open_inventory(inventory, options.get("limit", ())) as (_, hosts):
        if not hosts:
            raise UsageError("no host is selected", key="--limit", fix="see the names in the inventory")
        given = options.get("data", {})
        targets = [Target(host, load({**host.data.dict(), **given}, host.name), options) for host in hosts]
        work = [gevent.spawn(_read, kind, target) for target in targets]
        gevent.joinall(work, raise_error=True)
    return 0 if all(one.value for one in work) else EXIT_FAILED


def _read(kind: str, target: Target) -> bool:
    try:
        for one in import_module(f"homeport.queries.{kind}").read(target):
            _say(target.host, one)
    except HomeportError as error:
        error.host = None
        _say(target.host, {"error": error.line()})
        return False
    except Exception as error:  # whatever one host has answered, the others are told of
        problem = f"homeport does not understand its answer ({type(error).__name__}: {error})"
        _say(target.host, {"error": HomeportError(problem, fix=OTHER_VERSION).line()})
        return False
    return True


def _say(host: Host, found: dict[str, Any]) -> None:
    try:
        print(f"{MARK}{json.dumps({'host': host.name, **found})}", flush=True)
    except BrokenPipeError:
        # The reader of the output is gone; nothing has to be ended here.
        os._exit(EXIT_FAILED)


if __name__ == "__main__":
    # It only reads, so it may end anywhere; gevent would tell of each of its threads that was interrupted.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        raise SystemExit(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
    except UsageError as error:
        for line in error.line().splitlines():
            print(f"error: {line}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None
