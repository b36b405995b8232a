"""`homeport lab`: disposable machines. Thin; the work is in `homeport.lab`."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import asdict
from typing import get_args

import click

from homeport.errors import LabError
from homeport.lab import Lab, site
from homeport.lab import ssh as ssh_command
from homeport.lab.model import BackendName, LabHost, Suite

EXAMPLES = """\b
Examples:
  homeport lab up                            one Debian 12 host, web1
  homeport lab up --hosts 3                  two more of them
  homeport lab up --name old --suite trixie  one host of another suite, called old
  homeport lab ssh web1 -- systemctl status nginx
  homeport lab reboot web1 --hard            like a power cut
  homeport lab down                          nothing is left

The lab's state is in .lab/, or where HOMEPORT_LAB says; images and downloads are kept where HOMEPORT_CACHE says.
"""


@click.group(epilog=EXAMPLES)
def lab() -> None:
    """Disposable machines on this computer, with names, a package cache and a certificate authority."""


@lab.command(epilog="\b\nExamples:\n  homeport lab up --hosts 2\n  homeport lab up --name db --suite trixie")
@click.option(
    "--hosts",
    type=click.IntRange(0, 200),
    default=1,
    show_default=True,
    help="Start the hosts web1 … webN that are not up.",
)
@click.option("--name", help="Start one host of this name instead, if it is not up.")
@click.option(
    "--suite",
    type=click.Choice(get_args(Suite)),
    default="bookworm",
    show_default=True,
    help="Debian release of new hosts.",
)
@click.option(
    "--backend",
    type=click.Choice(get_args(BackendName)),
    help="How new hosts are run (default: the best way that this computer allows).",
)
def up(hosts: int, name: str | None, suite: Suite, backend: BackendName | None) -> None:
    """Start the lab; hosts that run already stay as they are."""
    the_lab = Lab()
    if name is None:
        the_lab.up(hosts=hosts, suite=suite, backend=backend)
    elif name not in [host.name for host in the_lab.up(hosts=0).hosts]:
        the_lab.add(name, suite, backend)
    _show(the_lab)


@lab.command()
def down() -> None:
    """Remove the lab and everything that it made, also after a crash."""
    Lab().down()
    click.echo("the lab is down", err=True)


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show the hosts; exit status 1 when there is no lab."""
    the_lab = Lab()
    if not as_json:
        _show(the_lab)
        return
    state = the_lab.directory.load()
    hosts = [{**asdict(host), "domain": host.domain, "running": the_lab.is_running(host)} for host in state.hosts]
    click.echo(json.dumps({**asdict(state), "hosts": hosts}, indent=2))


@lab.command(
    context_settings={"ignore_unknown_options": True}, epilog="\b\nExample:\n  homeport lab ssh web1 -- uptime"
)
@click.argument("name")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(name: str, command: tuple[str, ...]) -> None:
    """Log in to a host, or run a command there; the exit status is the command's."""
    the_lab = Lab()
    argv = ssh_command.command_line(the_lab.directory, the_lab.host(name))
    os.execvp(argv[0], [*argv, "--", *command] if command else argv)  # noqa: S606


@lab.command()
@click.argument("name")
@click.option("--hard", is_flag=True, help="Cut the power instead of shutting down.")
def reboot(name: str, hard: bool) -> None:
    """Restart a host, and return when it accepts a login again."""
    the_lab = Lab()
    the_lab.reboot(the_lab.host(name), hard=hard)


@lab.command()
@click.argument("name", required=False)
def url(name: str | None) -> None:
    """Print the HTTPS address of a host (the first one) on stdout, and on stderr a curl command that reaches it."""
    the_lab = Lab()
    hosts = the_lab.directory.load().hosts
    if not hosts:
        raise LabError("the lab has no host", fix="add one with 'homeport lab up'")
    host = the_lab.host(name) if name else hosts[0]
    context = the_lab.context()
    click.echo(site.url(context, host))
    click.echo(shlex.join(site.curl(context, host)), err=True)


def _show(the_lab: Lab) -> None:
    state = the_lab.directory.load()
    for host in state.hosts:
        click.echo(_line(host, running=the_lab.is_running(host)))
    if not state.hosts:
        click.echo("no hosts", err=True)


def _line(host: LabHost, *, running: bool) -> str:
    word = "running" if running else "stopped"
    return (
        f"{host.name:<12} {word}  {host.user}@{host.address}:{host.port}  {host.suite}  {host.backend}  {host.domain}"
    )
