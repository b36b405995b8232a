"""Tells the `homeport` command how a run of pyinfra goes on: hosts that are connected, operations that begin and end.

What an operation is about to change it tells by itself (`operations.base`).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pyinfra.api.state import BaseStateCallback, StateStage

from homeport.controller import events

if TYPE_CHECKING:
    from pyinfra.api import Host
    from pyinfra.api.state import State


def begin(state: State) -> None:
    """Tell of this run from here on, when somebody listens. Comes before the first connection."""
    if not events.are_wanted():
        return
    state.add_callback_handler(EventCallbacks())
    # The changes are found before the first one is made, although pyinfra itself does not ask.
    state.check_for_changes = state.check_for_changes or events.must_ask()


def stage(stage: StateStage) -> None:
    """Before the first change, let whoever listens decide whether it is made; end with status 0 when not."""
    if stage == StateStage.Execute and events.must_ask():
        events.emit("prepared")
        if not sys.stdin.readline().strip():
            raise SystemExit(0)


def phase_of(name: str) -> str:
    """Return the name of a phase as plans have it, of an operation's name ("Files of notes")."""
    return name.partition(" of ")[0]


class EventCallbacks(BaseStateCallback):
    """pyinfra's callbacks, passed on."""

    @staticmethod
    def host_before_connect(state: State, host: Host) -> None:
        """Tell that a connection is being opened."""
        events.emit("host", host=host.name, state="connecting")

    @staticmethod
    def host_connect(state: State, host: Host) -> None:
        """Tell that it is there."""
        events.emit("host", host=host.name, state="connected")

    @staticmethod
    def host_connect_error(state: State, host: Host, error: Exception) -> None:
        """Tell that no connection is possible."""
        events.emit("host", host=host.name, state="unreachable")
        events.emit("error", host=host.name, line=f"{host.name}: no connection: {_line(error)}")

    @staticmethod
    def operation_host_start(state: State, host: Host, op_hash: str) -> None:
        """Tell that a phase begins on a host."""
        EventCallbacks._phase(state, host, op_hash, "started")

    @staticmethod
    def operation_host_success(state: State, host: Host, op_hash: str, retry_count: int = 0) -> None:
        """Tell that it is done, if only because there was nothing to do."""
        EventCallbacks._phase(state, host, op_hash, "done")

    @staticmethod
    def operation_host_error(
        state: State, host: Host, op_hash: str, retry_count: int = 0, max_retries: int = 0
    ) -> None:
        """Tell that it failed."""
        EventCallbacks._phase(state, host, op_hash, "failed")

    @staticmethod
    def _phase(state: State, host: Host, op_hash: str, word: str) -> None:
        name = min(state.get_op_meta(op_hash).names, default="")
        events.emit("step", host=host.name, step=phase_of(name), state=word)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
