"""`homeport check`: what can be known without a connection. Thin; the work is `homeport.entries.check`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from homeport.cli.processes import SIGNALLED, inventory, target_options
from homeport.errors import EXIT_USAGE, UsageError

SHORT_COMMIT = 12
GUARD = "guard.install()"


@click.command(epilog="\b\nExamples:\n  homeport check production\n  homeport check production --json")
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(target: str, limit: tuple[str, ...], as_json: bool) -> None:
    """Check the inputs of a deploy to TARGET without connecting: settings, source, secrets, rendered files.

    It shows every problem of every host at once, and the exit status is 2 then. `homeport plan` checks what only the
    hosts know: memory, who listens on port 80, what would change.
    """
    mended = [*_project_problems()]
    done = _read([sys.executable, "-m", "homeport.entries.check", inventory(target), *limit])
    hosts = sorted(done, key=lambda one: str(one["host"]))
    if as_json:
        click.echo(json.dumps(hosts, indent=2, ensure_ascii=False))
    else:
        for one in hosts:
            if not one["problems"]:
                click.echo(line_of(one))
        for line in dict.fromkeys(line for one in hosts for line in one.get("warnings", ())):
            click.echo(f"warning: {line}")
    for line in dict.fromkeys([*mended, *(line for one in hosts for line in one["problems"])]):
        click.echo(f"error: {line}", err=True)
    if mended or any(one["problems"] for one in hosts):
        raise SystemExit(EXIT_USAGE)


def line_of(one: dict[str, Any]) -> str:
    """Return the line for a host with which all is well."""
    release = f"{one['release']} ({one['ref']} at {one['commit'][:SHORT_COMMIT]})"
    more = [f"serves {', '.join(one['domains'])}", f"{one['files']} files rendered"]
    if one["migrates"]:
        more.append("migrates the database")
    return f"{one['host']}: {one['app']} {release}; {', '.join(more)}"


def _project_problems() -> list[str]:
    """Return what is wrong with the project's own two files."""
    found = []
    if not Path("deploy.py").is_file():
        problem = UsageError("this folder has no such file", key="deploy.py", fix="run this in the project's folder")
        found.append(problem.line())
    config = Path("config.py")
    if not config.is_file() or GUARD not in config.read_text(errors="replace"):
        fix = "add the line: from homeport import guard; guard.install()"
        found.append(
            UsageError("it does not install the guard, so pyinfra checks nothing", key="config.py", fix=fix).line()
        )
    return found


def _read(words: list[str]) -> list[dict[str, Any]]:
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    hosts = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"host": ')]
    if done.returncode and not any(one["problems"] for one in hosts):
        click.echo(done.stderr, err=True, nl=False)
        raise SystemExit(done.returncode if done.returncode > 0 else SIGNALLED - done.returncode)
    return hosts
