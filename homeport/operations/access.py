"""The phase that changes who gets in: firewall and sshd, kept only when a connection made after the change comes in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from pyinfra.api import StringCommand, operation
from pyinfra.connectors.util import CommandOutput

from homeport.comparison import compare
from homeport.errors import HomeportError
from homeport.operations.command import PhaseCommand, program, script
from homeport.operations.deploy_run import Run
from homeport.operations.diff import show_diff
from homeport.preflight import firewall, logins
from homeport.pyinfra_support import outcome
from homeport.pyinfra_support.connection import run_in_new_connection
from homeport.state.changes import Change
from homeport.state.paths import HOST_PROGRAM, SSHD_DROP_IN

if TYPE_CHECKING:
    from pyinfra.api import Host, State

TOKEN_BYTES = 8


@operation()
def access(run: Run) -> Generator[StringCommand, None, None]:
    """Bring firewall and sshd to the wanted state, unless that locks us out."""
    pending = run.changes(lambda: compare.access_changes(run.wanted, run.found))
    changes = _told(run, pending)
    if run.announce(changes, otherwise="firewall and sshd are as wanted"):
        show_diff(run, pending)
        token, seconds = secrets.token_hex(TOKEN_BYTES), run.settings.lockout_timeout_seconds
        request = {
            "token": token,
            "timeout_seconds": seconds,
            # All of them, since an earlier change may be taken back before this one begins.
            "files": [
                {"path": file.path, "content": file.content}
                for file in run.wanted.part.files
                if file.file_set == "access"
            ],
            "absent": list(pending.absent),
        }
        yield GuardedCommand(script("access", payload=f"{json.dumps(request)}\n"), token, seconds)
        run.forget()


def _told(run: Run, pending: compare.FileChanges) -> tuple[Change, ...]:
    """Return what is changed, and what follows from it for others."""
    if not pending:
        return ()
    closed_logins = (
        logins.logins_to_close(run.found) if any(file.path == SSHD_DROP_IN for file in pending.files) else ()
    )
    return (*pending.changes, *closed_logins, *firewall.listeners_to_close(run.settings, run.found))


class GuardedCommand(PhaseCommand):
    """A change that the host takes back after `seconds`, and the new connection that confirms it."""

    def __init__(self, command: PhaseCommand, token: str, seconds: int):
        super().__init__(*command.bits, **command.connector_arguments)
        self._token = token
        self._seconds = seconds

    def execute(self, state: State, host: Host, connector_arguments: Any) -> tuple[bool, CommandOutput]:
        """Change it, open a new connection and confirm; return whether all of that succeeded."""
        without_payload = {key: value for key, value in connector_arguments.items() if key != "_stdin"}
        status, output = super().execute(state, host, connector_arguments)
        if not status:
            return status, output
        confirm = program(HOST_PROGRAM, "confirm-access", "--token", self._token)
        try:
            run_in_new_connection(host, confirm, **without_payload)
        except HomeportError as error:
            outcome.mark_failed(host.name, ())
            host.log(
                "error: ssh: no new connection could confirm the changed firewall or sshd, "
                f"and the host restores the previous state by itself within {self._seconds} s ({error.problem})"
            )
            return False, CommandOutput([])
        return True, output
