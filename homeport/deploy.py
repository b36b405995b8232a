"""Runs a plan inside pyinfra: reads settings and source, describes what is wanted, and calls the phases in order."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyinfra import host, state
from pyinfra.api.exceptions import DeployError

from homeport.connection import disable_nagle, login_is_root
from homeport.errors import HomeportError
from homeport.operations.run import Run
from homeport.paths import TEMPLATES
from homeport.settings.loading import load
from homeport.settings.secrets import load_secrets
from homeport.source import read_source
from homeport.state.snapshot import Machine
from homeport.state.wanted import ToolsWanted, Wanted, merge
from homeport.steps.application import wanted_release
from homeport.steps.certificate import wanted_certificate
from homeport.steps.context import Context


def deploy(steps: Sequence[Any], phases: Sequence[tuple[str, Any]]) -> None:
    """Bring pyinfra's current host to what `steps` describe, by `phases`; raise DeployError, a line for each problem."""
    disable_nagle(host)
    try:
        run = _run(steps)
    except HomeportError as error:
        error.host = error.host or host.name
        raise DeployError(error.line()) from error
    run.preflight()
    for name, phase in phases:
        phase(run, name=f"{name} of {run.wanted.app}", _sudo=run.sudo)


def _run(steps: Sequence[Any]) -> Run:
    project = Path(state.cwd or ".")
    settings = load(host.data.dict(), host.name)
    source = read_source(settings, project)
    secrets = load_secrets(settings, project, host.name)
    overrides = project / "overrides"

    def describe(machine: Machine) -> Wanted:
        context = Context(
            settings=settings,
            source=source,
            machine=machine,
            secrets=secrets,
            overrides=overrides if overrides.is_dir() else None,
            by=f"{getpass.getuser()}@{socket.gethostname()}",
        )
        return Wanted(
            app=settings.app_name,
            part=merge(step(context) for step in steps),
            tools=ToolsWanted((TEMPLATES / "tools" / "requirements.txt").read_text()),
            release=wanted_release(context),
            certificate=wanted_certificate(context),
            ports=(settings.port_blue, settings.port_green),
            keep_releases=settings.keep_releases,
        )

    return Run(host, settings, source, describe, sudo=not login_is_root(host))
