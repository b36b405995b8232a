"""Checks everything that can be checked before pyinfra opens its first connection.

pyinfra exits with 0 for an inventory that does not exist, a `--limit` that matches nothing and an interrupt, and runs
deploy.py only when hosts are connected. A project's config.py, which pyinfra runs first, installs this.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import click
import gevent  # type: ignore[import-untyped]
from pyinfra.api import Host
from pyinfra.api.exceptions import PyinfraError
from pyinfra.api.state import State, StateStage
from pyinfra.context import ctx_config, ctx_state

from homeport.controller.folders import ENTRIES
from homeport.errors import EXIT_FAILED, EXIT_HELD, EXIT_INTERRUPTED, HomeportError, UsageError
from homeport.inventory.fleet import fleet
from homeport.inventory.loading import load_inventory
from homeport.inventory.migrating_host import must_take_part
from homeport.pyinfra_support import callbacks, outcome
from homeport.pyinfra_support.interpreter import economize
from homeport.settings.loading import load

# Of homeport's own deploy files the one that releases something.
PREVIEW = "preview.py"


def install() -> None:
    """Have this run of pyinfra stop at the first failing host, and check it before it connects to anything."""
    economize()
    ctx_config.get().FAIL_PERCENT = 0
    state: State = ctx_state.get()
    set_stage = state.set_stage

    def checked(stage: StateStage) -> None:
        if stage == StateStage.Connect and _deploys():
            _check_or_exit(state)
            callbacks.begin(state)
        set_stage(stage)
        callbacks.stage(stage)

    state.set_stage = checked  # type: ignore[method-assign]
    _report_inventory_errors()
    # pyinfra shows such an error in one line; gevent would show a traceback before it.
    gevent.get_hub().NOT_ERROR += (PyinfraError,)
    if context := click.get_current_context(silent=True):
        context.call_on_close(_set_exit_status)
        signal.signal(signal.SIGINT, partial(_on_interrupt, state))


def _report_inventory_errors() -> None:
    """Have pyinfra, which reads the inventory right after config.py, end with our line and status for a mistake."""
    if not (command := sys.modules.get("pyinfra_cli.cli")):
        return
    make = vars(command)["make_inventory"]

    def read(inventory: str, **options: Any) -> Any:
        try:
            return load_inventory(make, inventory, **options)
        except HomeportError as error:
            click.echo(f"error: {error.line()}", err=True)
            raise SystemExit(error.exit_status) from None

    vars(command)["make_inventory"] = read


def _set_exit_status() -> None:
    """Have pyinfra end with the status that says what happened, where its own would be 1 for everything."""
    error = sys.exc_info()[1]
    if not outcome.is_held():
        return
    if isinstance(error, click.ClickException):
        error.exit_code = EXIT_HELD  # type: ignore[misc]
    elif isinstance(error, SystemExit) and error.code == EXIT_FAILED:
        raise SystemExit(EXIT_HELD)


def _on_interrupt(state: State, signal_number: int, frame: object) -> None:
    """End this process, and with it its connections and locks, whatever hosts are at; what is at work there goes on."""
    # Once is enough: `homeport` passes on an interrupt that the terminal may have sent to both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # pyinfra's own handler ends with 0, which a pipeline would take for a deploy that was done.
    with suppress(OSError, RuntimeError):
        click.echo(
            "interrupted; a host finishes the phase that it is in, and the next run continues from there", err=True
        )
    _ignore_closed_outputs()
    if state.initialised:
        # pyinfra disconnects in a pool with one place per host, where it would wait for the hosts' commands.
        state.pool.kill(block=False)
    hub, current = gevent.get_hub(), gevent.getcurrent()
    if current is not hub.parent:
        # Raised here alone it would end only the thread (of a connection, say) that was interrupted at its work.
        gevent.kill(hub.parent, SystemExit(EXIT_INTERRUPTED))
    if current is not hub:
        # It may be one that reads a password, for which gevent has to wait too.
        raise SystemExit(EXIT_INTERRUPTED)


def _ignore_closed_outputs() -> None:
    """Have lines that nobody reads any more go nowhere: who read them (`| tee`) may have been interrupted first.

    Left in a buffer, they would have Python exit with 120 in place of our status.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        except RuntimeError:
            pass  # a line was being written when the interrupt came


def _deploys() -> bool:
    """Tell whether pyinfra was called to run a deploy file (and not `exec`, `fact` or a single operation)."""
    return any(str(operation).endswith(".py") for operation in _requested("operations") or ())


def _requested(name: str) -> Any:
    """Return one of the words that pyinfra was called with; None when it was not called from a command line."""
    context = click.get_current_context(silent=True)
    return context.params.get(name) if context else None


def _check_or_exit(state: State) -> None:
    problems = check(state)
    for line in dict.fromkeys(line for problem in problems for line in problem.line().splitlines()):
        click.echo(f"error: {line}", err=True)
    if problems:
        raise SystemExit(max(problem.exit_status for problem in problems))


def check(state: State, *, with_source: bool | None = None) -> list[HomeportError]:
    """Return everything that is wrong with the selection of hosts, and with settings, source and secrets of each.

    Source and secrets are left out when what pyinfra was called for does not need them, unless `with_source` says it.
    """
    whole = _needs_source() if with_source is None else with_source
    everyone = list(state.inventory)
    # pyinfra makes an empty inventory, or a host of that name, of a file that does not exist.
    if not everyone or any(host.name.endswith(".py") for host in everyone):
        name = _requested("inventory") or "inventory"
        problem = "the inventory has no hosts" if Path(name).exists() else "there is no such inventory"
        return [UsageError(problem, key=name, fix="see the folder inventories/")]
    hosts = [host for host in everyone if state.is_host_in_limit(host)]
    if not hosts:
        return [UsageError("no host is selected", key="--limit", fix="see the names in the inventory")]
    problems = []
    for host in hosts:
        try:
            _check_host(state, host, with_source=whole)
        except HomeportError as error:
            error.host = error.host or host.name
            problems.append(error)
    return problems


def _check_host(state: State, host: Host, *, with_source: bool) -> None:
    """Raise HomeportError when settings are wrong, or the source and secrets of a plan that needs them."""
    settings = load(host.data.dict(), host.name)
    if settings.release is not None or not with_source:
        return
    # A rollback does not load modules that it does not need.
    from homeport.plans import provision
    from homeport.plans.inputs import read_inputs
    from homeport.plans.wanted import describe

    context = read_inputs(host.data.dict(), host.name, Path(state.cwd or "."), fleet(state))
    describe(provision.STEPS, context)
    if context.has_migration and settings.preview is None:
        must_take_part(context.settings, fleet(state))


def _needs_source() -> bool:
    """Tell whether the deploy file releases something: the project's, or a preview's; that of a restart does not."""
    files = [Path(operation).resolve() for operation in _requested("operations") or ()]
    return any(file.parent != ENTRIES or file.name == PREVIEW for file in files)
