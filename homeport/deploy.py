"""Runs a plan inside pyinfra: describes what is wanted of the current host, and calls the phases in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyinfra import host, state
from pyinfra.api.exceptions import DeployError
from pyinfra.context import ctx_host

from homeport.controller import events
from homeport.errors import HomeportError
from homeport.inventory.fleet import fleet
from homeport.operations.deploy_run import Run
from homeport.operations.releases_run import ReleasesRun
from homeport.operations.rollback import RollbackRun
from homeport.plans import rollback
from homeport.plans.inputs import read_inputs
from homeport.plans.wanted import Step, describe
from homeport.pyinfra_support.connection import login_is_root, tune
from homeport.settings.loading import load
from homeport.state.snapshot import MachineFound
from homeport.state.wanted import Wanted

Phases = Sequence[tuple[str, Any]]


def deploy(steps: Sequence[Step], phases: Phases) -> None:
    """Bring pyinfra's current host to what `steps` describe, by `phases`; raise DeployError, a line a problem.

    With the setting `release` the host goes back to that release instead, whatever steps and phases are.
    """
    with _raised_in_one_line(), _in_one_line():
        goes_back = load(host.data.dict(), host.name).release is not None
    if goes_back:
        operate(RollbackRun, rollback.PHASES)
        return
    tune(host)
    with _raised_in_one_line():
        with _in_one_line():
            run = _run(steps)
        _perform(run, phases)


def operate(kind: Callable[..., ReleasesRun], phases: Phases) -> None:
    """Run `phases` that need only the releases of pyinfra's current host; raise DeployError, a line a problem."""
    with _raised_in_one_line():
        _perform(_releases_run(kind), phases)


def _releases_run(kind: Callable[..., ReleasesRun]) -> ReleasesRun:
    tune(host)
    with _in_one_line():
        # The host itself: pyinfra's `host` is whichever one is current, and a run takes the locks of the others too.
        return kind(ctx_host.get(), load(host.data.dict(), host.name), sudo=not login_is_root(host))


def _perform(run: Run | ReleasesRun, phases: Phases) -> None:
    run.preflight()
    events.emit("run", host=host.name, action=run.action, app=run.settings.app_name, **run.event_details())
    for name, phase in phases:
        events.emit("step", host=host.name, step=name, state="planned")
        phase(run, name=f"{name} of {run.settings.app_name}", _sudo=run.sudo)


@contextmanager
def _raised_in_one_line() -> Iterator[None]:
    """Tell of what keeps this host from being changed."""
    try:
        yield
    except DeployError as error:
        for line in str(error).splitlines():
            events.emit("error", host=host.name, line=line)
        raise


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Raise a DeployError, which pyinfra shows without a traceback, for an error of ours."""
    try:
        yield
    except HomeportError as error:
        error.host = error.host or host.name
        raise DeployError(error.line()) from error


def _run(steps: Sequence[Step]) -> Run:
    context = read_inputs(host.data.dict(), host.name, Path(state.cwd or "."), fleet(state))

    def wanted(machine: MachineFound) -> Wanted:
        return describe(steps, replace(context, machine=machine))

    run = Run(ctx_host.get(), context.settings, context.source, wanted, sudo=not login_is_root(host))
    run.install_secrets = context.install_secrets
    return run
