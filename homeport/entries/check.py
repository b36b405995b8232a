"""All that can be said of an inventory without connecting: `python -m homeport.entries.check INVENTORY [LIMIT…]`.

A process of its own, because pyinfra, which reads inventories and group data, patches the interpreter. Prints a line of
JSON for each host: what would be released, and how many files were rendered; or the problems. What a host is like is
not known here, so that files are rendered as for a fresh Debian machine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyinfra_cli  # noqa: F401 - first: it patches the interpreter  # isort: skip
from pyinfra.api import Host
from pyinfra.api.state import State

from homeport.certificates import comparison
from homeport.errors import EXIT_USAGE, UsageError
from homeport.guard import check
from homeport.inventory.fleet import fleet
from homeport.inventory.hosts import open_inventory
from homeport.plans import provision
from homeport.plans.inputs import read_inputs
from homeport.plans.wanted import describe
from homeport.preflight import outbound
from homeport.secrets.dotenv import uninterpolated
from homeport.source import served_files
from homeport.source.background_work import background_work
from homeport.source.required_variables import unset_variables
from homeport.source.tree_contents import some
from homeport.steps.context import Context


def main(inventory: str, *limits: str) -> int:
    """Print what there is to say of each selected host; return the exit status."""
    with open_inventory(inventory, limits) as (state, hosts):
        problems = check(state, with_source=True)
        if not hosts:
            raise problems[0]
        for host in hosts:
            mine = [line for problem in problems if problem.host == host.name for line in problem.line().splitlines()]
            print(json.dumps({"host": host.name, **({"problems": mine} if mine else _told(state, host))}))
    return EXIT_USAGE if problems else 0


def _missing(context: Context) -> Iterator[str]:
    """Yield what to say of variables that the application's settings have no default for, and that nothing sets."""
    for path, names in unset_variables(
        context.source.texts(), (*context.settings.environment, *context.secrets)
    ).items():
        yield (
            f"{path} has no default for {some(names, 8)}, and nothing sets it: name it in environment, or in the "
            f"secrets file (homeport secrets set TARGET {names[0]})"
        )


def _background(context: Context) -> Iterator[str]:
    """Yield a warning for background work that each of several workers would do."""
    settings = context.settings
    if settings.workers == 1:
        return
    commands = [
        *(one.command for one in settings.processes.values()),
        *(one.command for one in settings.timers.values()),
    ]
    for one in background_work(context.source.texts(), commands):
        yield one.warning()


def _told(state: State, host: Host) -> dict[str, Any]:
    context = read_inputs(host.data.dict(), host.name, Path(state.cwd or "."), fleet(state))
    wanted = describe(provision.STEPS, context)
    return {
        "app": wanted.app,
        "domains": list(context.settings.domains),
        "release": wanted.release_id,
        "ref": context.source.ref,
        "commit": context.source.commit,
        "entrypoint": " ".join(context.source.entrypoint),
        "dependencies": context.source.dependencies.digest,
        "migrates": wanted.release is not None and wanted.release.migrates,
        "files": len(wanted.part.files) + len(wanted.release.etc if wanted.release else ()),
        "warnings": [
            *context.source.warnings,
            *_literal(context),
            *comparison.warnings(wanted.certificate, datetime.now(UTC)),
            *_missing(context),
            *served_files.warnings(context.source, context.settings),
            *_background(context),
            *outbound.warnings(context.settings),
        ],
        "problems": [],
    }


def _literal(context: Context) -> list[str]:
    """Return the warning for secrets that look as if something were put into them."""
    if not (names := uninterpolated(context.secrets)):
        return []
    fix = "write the whole value: homeport does not replace ${NAME}"
    return [UsageError(f"{', '.join(names)} has a ${{NAME}} in it", key="secrets_file", fix=fix).line()]


if __name__ == "__main__":
    try:
        raise SystemExit(main(*sys.argv[1:]))
    except UsageError as error:
        for line in error.line().splitlines():
            print(f"error: {line}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None
