"""The command of a phase that gets something from elsewhere, by the host's own way out or by the controller's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from pyinfra.api import StringCommand
from pyinfra.connectors.util import CommandOutput

from homeport.errors import HomeportError
from homeport.operations.command import PhaseCommand, script
from homeport.outbound.forward import forwarded
from homeport.pyinfra_support import outcome

if TYPE_CHECKING:
    from pyinfra.api import Host, State

    from homeport.settings import Settings


def fetching(settings: Settings, name: str, *arguments: str, payload: str | None = None) -> StringCommand:
    """Return the command that runs `scripts/NAME.sh`, which fetches, as `outbound` has it; see `command.script`."""
    if settings.outbound == "host":
        return script(name, *arguments, payload=payload)
    command = script(name, *arguments, payload=payload or "", led_out=True)
    return OutboundCommand(command, settings.outbound_private)


class OutboundCommand(PhaseCommand):
    """A command that goes out by the controller: the way there is open for as long as it runs.

    Its address, with the password, is the first line of the command's input, and in no argument.
    """

    def __init__(self, command: PhaseCommand, private: tuple[str, ...]):
        super().__init__(*command.bits, **command.connector_arguments)
        self._private = private

    def execute(self, state: State, host: Host, connector_arguments: Any) -> tuple[bool, CommandOutput]:
        """Open the way, run it, and close the way; return whether all of that succeeded."""
        try:
            with forwarded(host, self._private) as (gateway, address):
                given = {**self.connector_arguments, "_stdin": f"{address}\n{self.connector_arguments['_stdin']}"}
                command = PhaseCommand(*self.bits, **given)  # type: ignore[arg-type]
                command.shown = gateway.shown
                return command.execute(state, host, connector_arguments)
        except HomeportError as error:
            outcome.mark_failed(host.name, ())
            click.echo(f"{host.print_prefix}error: {_without_host(error)}", err=True)
            return False, CommandOutput([])


def _without_host(error: HomeportError) -> str:
    return HomeportError(error.problem, key=error.key, fix=error.fix).line()
