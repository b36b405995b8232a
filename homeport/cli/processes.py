"""Runs pyinfra for a command of ours, in the project's folder, with an honest exit status.

pyinfra is a process of its own: it patches the interpreter that it runs in, and may end it at any point.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from homeport.controller.events import MARK
from homeport.controller.folders import ENTRIES
from homeport.errors import EXIT_FAILED, UsageError

Command = Callable[..., Any]
# A shell's status for a process that was ended by a signal: this and the signal's number.
SIGNALLED = 128


def limit_option(command: Command) -> Command:
    """Add the option --limit."""
    text = "Only these hosts or groups; repeatable."
    return click.option("--limit", multiple=True, metavar="HOST", help=text)(command)


def target_options(command: Command) -> Command:
    """Add the argument TARGET and the option --limit, which every command for hosts has."""
    return click.argument("target", shell_complete=complete_targets)(limit_option(command))


def complete_targets(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the inventories that a shell may complete TARGET to."""
    return [name for name in _inventories() if name.startswith(incomplete)]


def _inventories() -> list[str]:
    return sorted(one.stem for one in Path("inventories").glob("*.py") if one.stem != "__init__")


def lock_wait_option(command: Command) -> Command:
    """Add the option --lock-wait."""
    text = "How long to wait for another deploy; after that the exit status is 4.  [default: lock_wait_seconds]"
    return click.option("--lock-wait", type=click.IntRange(min=0), metavar="SECONDS", help=text)(command)


def inventory(target: str) -> str:
    """Return the inventory that TARGET means, seen from the project's folder: a name, or a file.

    Raises UsageError, with the names that there are, when there is none.
    """
    path = Path(target) if target.endswith(".py") else Path("inventories") / f"{target}.py"
    if path.is_file():
        return str(path)
    known = ", ".join(_inventories())
    fix = f"there are: {known}" if known else _where()
    raise UsageError(f"no inventory {target}", key="TARGET", fix=fix)


def _where() -> str:
    """Return where to call us instead: in an application's repository the project is a folder below."""
    projects = sorted(str(one.parent) for one in Path().glob("*/deploy.py") if (one.parent / "inventories").is_dir())
    return f"cd {projects[0]} first" if projects else "run this in the project's folder, beside inventories/"


def command_line(
    entry: str, target: str, limit: Iterable[str], data: Mapping[str, object], *, dry: bool = False
) -> list[str]:
    """Return the command that runs one of our deploy files (`entries/ENTRY.py`) against TARGET.

    A value of `data` that is None is left out; the others go as JSON, so that pyinfra reads "0123" as a text. pyinfra
    asks nobody: whether it is done is decided by whoever runs it (`homeport.cli.pyinfra_run`). A `dry` run only plans.
    """
    return [*_words(str(ENTRIES / f"{entry}.py"), target, limit, data), "--dry" if dry else "-y"]


def _words(deploy_file: str, target: str, limit: Iterable[str], data: Mapping[str, object]) -> list[str]:
    words = [sys.executable, "-m", "pyinfra", inventory(target), deploy_file]
    words += [word for name in limit for word in ("--limit", name)]
    return words + [
        word for key, one in data.items() if one is not None for word in ("--data", f"{key}={json.dumps(one)}")
    ]


def project_line(
    target: str, limit: Iterable[str], data: Mapping[str, object], *options: str, deploy_file: str = "deploy.py"
) -> list[str]:
    """Return the command that runs the project's own deploy file against TARGET; raise UsageError without one."""
    if not Path(deploy_file).is_file():
        raise UsageError(
            "this folder has no such file", key=deploy_file, fix="run this in the project's folder, beside inventories/"
        )
    return [*_words(deploy_file, target, limit, data), *options]


def query_hosts(kind: str, target: str, limit: Iterable[str], **options: object) -> Iterator[dict[str, Any]]:
    """Yield what the hosts of TARGET answer to one kind of reading (`homeport.queries`), as it comes.

    Each has `host`; one that cannot be read has `error`, a line. Exits with the reader's status when it failed for
    anything else, as that of a usage error when inventory or settings are wrong (the lines on stderr are the reader's).
    """
    given = json.dumps({"limit": list(limit), **options})
    words = [sys.executable, "-m", "homeport.queries", kind, inventory(target), given]
    is_told = False
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        try:
            for line in process.stdout:
                if not line.startswith(MARK):
                    click.echo(line, err=True, nl=False)
                    continue
                one = json.loads(line.removeprefix(MARK))
                is_told = is_told or "error" in one
                yield one
        except BaseException:
            # Interrupted, or the output is closed: without this, an endless reader would be waited for.
            process.terminate()
            raise
    status = process.returncode
    if status and not (status == EXIT_FAILED and is_told):
        raise SystemExit(status if status > 0 else SIGNALLED - status)


def read(words: list[str]) -> list[dict[str, Any]]:
    """Run it and return the lines of JSON that it printed, one a host; what it says otherwise is shown if it fails."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        click.echo(done.stderr, err=True, nl=False)
        raise SystemExit(done.returncode if done.returncode > 0 else SIGNALLED - done.returncode)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"host": ')]
