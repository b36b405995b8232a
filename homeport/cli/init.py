"""`homeport init`: a project for an application that is there already. Thin; the work is in `homeport.scaffold`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click

from homeport.errors import UsageError
from homeport.scaffold import pins
from homeport.scaffold.check import problem
from homeport.scaffold.inspection import Inspection, check_folder, inspect
from homeport.scaffold.project_files import EXAMPLE_HOST, Forge, NewProject, TargetMachine, include_line, render, write
from homeport.source.tree_contents import some

EXAMPLES = """\b
Examples:
  homeport init                                            in the application's folder
  homeport init --ci github --domain notes.example.com --host debian@203.0.113.5
  homeport init services/api --ci gitlab                   one application of several in a repository
"""


@click.command(epilog=EXAMPLES)
@click.argument("place", metavar="[PATH]", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--ci", type=click.Choice(get_args(Forge)), help="Write a pipeline for this forge as well.")
@click.option("--host", "hosts", multiple=True, metavar="[USER@]HOST", help="A production machine; repeatable.")
@click.option("--domain", metavar="NAME", help="Name that the application is served under in production.")
@click.option("--name", metavar="NAME", help="Name of the application.  [default: from pyproject.toml, or the folder]")
@click.option("--entrypoint", metavar="MODULE[:APP]", help="What `fastapi run` serves.  [default: looked for]")
@click.option("--folder", default="deploy", show_default=True, metavar="NAME", help="The project's folder, below PATH.")
def init(
    place: Path,
    ci: Forge | None,
    hosts: tuple[str, ...],
    domain: str | None,
    name: str | None,
    entrypoint: str | None,
    folder: str,
) -> None:
    """Write a project that deploys the application in the git repository at PATH (default: here).

    It looks for the entry point, dependencies, Python, migrations, health path and name; in a repository with more than
    one thing, for the folder of the application. What a Dockerfile, compose.yaml, Procfile, Kamal's config/deploy.yml,
    a systemd unit or a configuration of Supervisor says is proposed as settings; what was not understood is listed.
    Writes deploy/ with deploy.py, inventories/ and group_data/. With --ci
    it writes the pipeline too: pull requests are checked and planned, the main branch is deployed with approval, a
    rollback is a manual job, and every night a job checks whether anything on the hosts differs from the settings.

    It never overwrites a file, so you can run it again, for example with --ci later on.
    """
    inspection = inspect(place, name=name, entrypoint=entrypoint)
    project = (place / folder).resolve()
    check_folder(project, inspection)
    machines = [_machine(one) for one in hosts] or [TargetMachine(EXAMPLE_HOST)]
    domain = domain or inspection.foreign.domain
    new_project = NewProject(inspection, project, domain or f"{inspection.app_name}.example.com", machines, ci)
    files = render(new_project)
    wrong = problem(new_project)
    for line in _found(inspection):
        click.echo(line)
    kept = _write(new_project, files)
    for line in _remarks(inspection, wrong):
        click.echo(line)
    if ci and (unreachable := pins.remark()):
        click.echo(f"before the first pipeline: {unreachable}")
    if ci == "gitlab" and inspection.repository / ".gitlab-ci.yml" in kept:
        click.echo(f"add to .gitlab-ci.yml: {include_line(new_project)}")
    click.echo()
    for line in _next(new_project, own_machines=bool(hosts), own_domain=domain is not None):
        click.echo(line)


def _machine(text: str) -> TargetMachine:
    user, at, address = text.rpartition("@")
    if not address or (at and not user) or '"' in text or not text.isprintable() or " " in text:
        raise UsageError(
            f"{text!r} is not the address of a machine", key="--host", fix="write it as debian@203.0.113.5"
        )
    return TargetMachine(address, user) if user else TargetMachine(address)


def _write(new_project: NewProject, files: dict[Path, str]) -> list[Path]:
    """Write the files, say so, and return those that were there already."""
    kept = []
    for path, written in write(files):
        click.echo(f"{'wrote' if written else 'kept '}  {os.path.relpath(path)}")
        if not written:
            kept.append(path)
    return kept


def _found(inspection: Inspection) -> Iterator[str]:
    """Yield what was found, a line for each thing."""
    yield f"application  {inspection.app_name}, {inspection.entrypoint}" + (
        f" in {inspection.subdirectory}" if inspection.subdirectory else ""
    )
    yield f"health path  {inspection.health.path}" + (
        f" ({inspection.health.remark})" if inspection.health.remark else ""
    )
    if inspection.requirements_file:
        yield f"dependencies {inspection.requirements_file}"
    if inspection.needs.group:
        yield f"groups       {inspection.needs.group} (by its name, or by the server that it alone brings)"
    if inspection.python_version:
        yield f"Python       {inspection.python_version}"
    if inspection.background and not inspection.foreign.found.get("workers"):
        one = inspection.background
        yield f"workers      1 ({one.path}:{one.line} starts {one.name} in each worker, so that jobs run once each)"
    yield from _foreign(inspection)
    if inspection.variables:
        first = inspection.variables[0]
        yield f"variables    {some(inspection.variables, 6)} (homeport secrets set production {first})"
    if "alembic.ini" in inspection.files or inspection.migrate_command:
        command = inspection.migrate_command or "alembic upgrade head"
        yield f"migrations   {command if isinstance(command, str) else '; '.join(command)}"


def _remarks(inspection: Inspection, wrong: str | None) -> Iterator[str]:
    """Yield what was not understood, and what to do before the first deploy; `wrong` is what would keep it."""
    for note in inspection.foreign.found.notes:
        yield f"not taken: {note}"
    remarks = [*inspection.remarks, *([wrong] if wrong else [])]
    if inspection.background and inspection.foreign.found.get("workers") not in (None, 1):
        remarks.insert(0, inspection.background.warning())
    for remark in remarks:
        yield f"before the first deploy: {remark}"


def _foreign(inspection: Inspection) -> Iterator[str]:
    """Yield which files of other tools were read, and each setting that they propose; of variables only the names."""
    found = inspection.foreign.found
    if found.files:
        yield f"read         {some(found.files, 8)}"
    for one in found.settings:
        value = ", ".join(one.value) if isinstance(one.value, dict) else str(one.value)
        yield f"proposed     {one.name} = {value} ({one.place})"


def _next(new_project: NewProject, *, own_machines: bool, own_domain: bool) -> Iterator[str]:
    yield f"Next:   cd {os.path.relpath(new_project.project)}"
    if not own_machines:
        yield "        inventories/production.py    say which machines"
    if not own_domain:
        yield "        group_data/production.py     say which domain"
    yield "        homeport trust production    the machines' host keys"
    yield "        homeport plan production     what would be done, and nothing is"
    yield "        homeport deploy production"
    yield "First, to try it on a disposable machine of your own:  homeport lab up, homeport deploy lab"
