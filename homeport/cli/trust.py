"""`homeport trust`: the machines' SSH host keys at first contact. Thin; `homeport.inventory.host_keys` reads them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from homeport.cli.processes import inventory, read, target_options
from homeport.errors import HomeportError, UsageError

Key = Mapping[str, str]


@click.command(epilog="\b\nExample:\n  homeport trust production")
@target_options
@click.option(
    "--yes",
    is_flag=True,
    help="Do not ask: accept the keys as they come (an attacker between you and the host would not be noticed).",
)
@click.option(
    "--replace", is_flag=True, help="Also take keys that differ from known ones (a machine that was installed again)."
)
def trust(target: str, limit: tuple[str, ...], yes: bool, replace: bool) -> None:
    """Show the SSH host keys of TARGET's machines, and write them to their known_hosts file once you agree.

    The file is the one that pyinfra looks into: `ssh_known_hosts_file` in the inventory. Commit it: then
    every run, from every computer, connects to these machines only. Compare the fingerprints with those that the
    machine itself shows on its console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    """
    found = read([sys.executable, "-m", "homeport.inventory.host_keys", inventory(target), *limit])
    if not found:
        raise UsageError("no host is selected", key="--limit", fix="see the names in the inventory")
    wanted = [one for one in found if not one["problem"] and _shown(one, replace=replace)]
    problems = list(filter(None, (_problem(one, replace=replace) for one in found)))
    if wanted:
        _agree(yes=yes)
        for file in {one["file"] for one in wanted}:
            _write(Path(file), [one for one in wanted if one["file"] == file])
    for problem in problems[:-1]:
        click.echo(f"error: {problem}", err=True)
    if problems:
        raise problems[-1]


def _shown(one: Key, *, replace: bool) -> bool:
    """Show a host's key, and tell whether it is to be written."""
    word = {"known": "known", "new": "new", "changed": "CHANGED"}[one["state"]]
    click.echo(f"{one['host']}  {one['kind']}  {one['fingerprint']}  {word}")
    return one["state"] == "new" or (one["state"] == "changed" and replace)


def _problem(one: Key, *, replace: bool) -> HomeportError | None:
    if one["problem"]:
        return HomeportError(one["problem"], host=one["host"])
    if one["state"] != "changed" or replace:
        return None
    return HomeportError(
        f"its host key is not the one in {one['file']}: another machine answers, or this one was installed again",
        host=one["host"],
        fix="make sure that it is yours, and add --replace",
    )


def _agree(*, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask for confirmation",
            key="--yes",
            fix="add --yes to trust these keys without confirmation",
        )
    if not click.confirm("Are these the keys of your machines?", err=True):
        raise HomeportError("nothing was written")


def _write(file: Path, keys: Iterable[Key]) -> None:
    """Put the keys into a known_hosts file, in the place of any other of the same name; all else stays."""
    names = {one["name"] for one in keys}
    old = file.read_text().splitlines() if file.exists() else []
    kept = [line for line in old if not names & set(line.partition(" ")[0].split(","))]
    new = [f"{one['name']} {one['kind']} {one['key']}" for one in keys]
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.new")
    draft.write_text("".join(f"{line}\n" for line in (*kept, *new)))
    draft.replace(file)
    click.echo(f"wrote {file}", err=True)
