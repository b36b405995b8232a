"""Checks what pyinfra itself lets pass, before it opens its first connection.

pyinfra exits with 0 for an inventory that does not exist and for a `--limit` that matches nothing, and reads settings
only when hosts are connected. A project's config.py, which pyinfra runs first, installs this.
"""

from __future__ import annotations

import click
from pyinfra.api.state import State, StateStage
from pyinfra.context import ctx_config, ctx_state

from homeport.errors import UsageError
from homeport.settings.loading import load_all


def install() -> None:
    """Have this run of pyinfra stop at the first failing host, and check it before it connects to anything."""
    ctx_config.get().FAIL_PERCENT = 0
    state: State = ctx_state.get()
    set_stage = state.set_stage

    def checked(stage: StateStage) -> None:
        if stage == StateStage.Connect and _deploys():
            _check_or_exit(state)
        set_stage(stage)

    state.set_stage = checked  # type: ignore[method-assign]


def _deploys() -> bool:
    """Tell whether pyinfra was called to run a deploy file (and not `exec`, `fact` or a single operation)."""
    context = click.get_current_context(silent=True)
    operations = context.params.get("operations") or () if context else ()
    return any(str(operation).endswith(".py") for operation in operations)


def _check_or_exit(state: State) -> None:
    try:
        check(state)
    except UsageError as error:
        for line in error.line().splitlines():
            click.echo(f"error: {line}", err=True)
        raise SystemExit(error.exit_status) from None


def check(state: State) -> None:
    """Raise UsageError when no host was selected, the inventory is no file, or the settings of any host are wrong."""
    hosts = [host for host in state.inventory if state.is_host_in_limit(host)]
    for host in hosts:
        if host.name.endswith(".py"):
            raise UsageError("there is no such inventory", key=host.name, fix="see the folder inventories/")
    if not hosts:
        raise UsageError("no host is selected", key="--limit", fix="see the names in the inventory")
    load_all({host.name: host.data.dict() for host in hosts})
