"""Runs a plan inside pyinfra: describes what is wanted of the current host, and calls the phases in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyinfra import host, state
from pyinfra.api.exceptions import DeployError

from homeport.connection import disable_nagle, login_is_root
from homeport.errors import HomeportError
from homeport.fleet import fleet
from homeport.inputs import read_inputs
from homeport.operations.run import Run
from homeport.state.snapshot import Machine
from homeport.state.wanted import Wanted
from homeport.steps.wanted import Step, describe


def deploy(steps: Sequence[Step], phases: Sequence[tuple[str, Any]]) -> None:
    """Bring pyinfra's current host to what `steps` describe, by `phases`; raise DeployError, a line a problem."""
    disable_nagle(host)
    try:
        run = _run(steps)
    except HomeportError as error:
        error.host = error.host or host.name
        raise DeployError(error.line()) from error
    run.preflight()
    for name, phase in phases:
        phase(run, name=f"{name} of {run.wanted.app}", _sudo=run.sudo)


def _run(steps: Sequence[Step]) -> Run:
    context = read_inputs(host.data.dict(), host.name, Path(state.cwd or "."), fleet(state))

    def wanted(machine: Machine) -> Wanted:
        return describe(steps, replace(context, machine=machine))

    return Run(host, context.settings, context.source, wanted, sudo=not login_is_root(host))
