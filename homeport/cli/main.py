"""The `homeport` command: its groups, and how an error becomes one line and an exit status."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from homeport.cli.holding import lock, unlock
from homeport.cli.lab import lab
from homeport.cli.releases import releases, restart, rollback
from homeport.errors import EXIT_INTERRUPTED, HomeportError

# Loaded when they are asked for, since loading the settings' model would make every other command slower.
LOADED_LATER = {"secrets": "homeport.cli.secrets", "trust": "homeport.cli.trust"}


class Commands(click.Group):
    """A group whose errors are one line on stderr with the exit status that goes with them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*super().list_commands(ctx), *LOADED_LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name."""
        if cmd_name not in LOADED_LATER:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(LOADED_LATER[cmd_name]), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except HomeportError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(error.exit_status)
        except KeyboardInterrupt:
            sys.exit(EXIT_INTERRUPTED)


@click.group(cls=Commands)
def cli() -> None:
    """Run a FastAPI application on machines of your own."""


for command in (lab, lock, releases, restart, rollback, unlock):
    cli.add_command(command)

if __name__ == "__main__":
    cli()
