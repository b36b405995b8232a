"""The `homeport` command: its groups, and how an error becomes one line and an exit status."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module

import click

from homeport.errors import EXIT_INTERRUPTED, HomeportError

# Where each command is. Loaded when it is asked for: what one needs must not make the others slower.
COMMANDS = {
    "cert": "homeport.cli.cert",
    "check": "homeport.cli.check",
    "completion": "homeport.cli.completion",
    "deploy": "homeport.cli.deploy",
    "doctor": "homeport.cli.doctor",
    "export": "homeport.cli.export",
    "init": "homeport.cli.init",
    "lab": "homeport.cli.lab",
    "lock": "homeport.cli.lock",
    "logs": "homeport.cli.logs",
    "maintenance": "homeport.cli.maintenance",
    "plan": "homeport.cli.deploy",
    "preview": "homeport.cli.preview",
    "releases": "homeport.cli.releases",
    "remove": "homeport.cli.remove",
    "restart": "homeport.cli.releases",
    "rollback": "homeport.cli.releases",
    "run": "homeport.cli.run",
    "scale": "homeport.cli.scale",
    "schema": "homeport.cli.schema",
    "secrets": "homeport.cli.secrets",
    "status": "homeport.cli.status",
    "trust": "homeport.cli.trust",
    "unlock": "homeport.cli.lock",
    "upgrade": "homeport.cli.upgrade",
}


class Commands(click.Group):
    """A group whose errors are one line on stderr with the exit status that goes with them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; end with status 2, and the name that was probably meant, when there is none."""
        near = get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and near:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{near[0]}'?")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except HomeportError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(error.exit_status)
        except (KeyboardInterrupt, click.Abort):
            sys.exit(EXIT_INTERRUPTED)


@click.group(cls=Commands)
@click.version_option(package_name="homeport")
def cli() -> None:
    """Run a FastAPI application on machines of your own."""


if __name__ == "__main__":
    cli()
