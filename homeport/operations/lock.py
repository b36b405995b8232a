"""The deploy lock: one changing run at a time for an application, on all hosts of the run or on none.

A process on the host holds it (`scripts/lock.sh`), on a second channel of the connection that pyinfra has. It lives and
dies with that channel, so a killed controller or a dead network frees the lock without anybody's help. All hosts of a
run are locked before the first of them is changed, in the order of their names: two runs that want the same hosts meet
at the first one, and never wait for each other crosswise.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from homeport.errors import HeldError, HomeportError
from homeport.operations.command import script
from homeport.pyinfra_support import outcome
from homeport.pyinfra_support.answers import MARK, explain_failure
from homeport.pyinfra_support.connection import Channel, open_channel
from homeport.state.holder import held_by_hand, held_by_run

if TYPE_CHECKING:
    from pyinfra.api import Host, State

HEARTBEAT_SECONDS = 10


@dataclass(frozen=True)
class LockRequest:
    """The wish to lock an application on a host. `holder` is what others are told; a hold by hand is no obstacle when
    `despite_hold`."""

    host: Host
    app: str
    wait_seconds: int
    holder: Mapping[str, str]
    sudo: bool
    despite_hold: bool = False


@dataclass(frozen=True)
class HeldLock:
    """A lock that is held as long as its channel is open; which deploy was the last before, as the snapshot has it."""

    channel: Channel | None
    deploys_before: str = ""


class Locks:
    """The locks of one run of pyinfra: asked for host by host while it is prepared, taken all at once."""

    def __init__(self) -> None:
        # Tells them from the locks of every other run; whatever this run does on a host has the same lock there.
        self.mark = secrets.token_hex(8)
        self._requests: dict[tuple[str, str], LockRequest] = {}
        self._taken: dict[tuple[str, str], HeldLock] = {}
        self._failure: HomeportError | None = None
        self._one_at_a_time = threading.Lock()

    def ask(self, request: LockRequest) -> None:
        """Note that this run will need a lock if it changes anything."""
        self._requests[request.host.name, request.app] = request

    def secure(self) -> None:
        """Take all locks that were asked for, or raise HeldError with who has one; those that are held are checked.

        Raises HomeportError when a lock was lost.
        """
        with self._one_at_a_time:
            if self._failure:
                raise self._failure
            try:
                for key in sorted(self._requests):
                    self._secure(key, self._requests[key])
            except HomeportError as error:
                self._failure = error
                raise

    def _secure(self, key: tuple[str, str], request: LockRequest) -> None:
        if key not in self._taken:
            self._taken[key] = take(request)
        channel = self._taken[key].channel
        if channel is not None and channel.ended:
            raise HomeportError(
                "the deploy lock was lost (the connection was silent for too long), and another run may have started",
                host=request.host.name,
                fix="run it again",
            )

    def deploys_before(self, host: Host, app: str) -> str:
        """Return which deploy was the last on the host before its lock was taken; "" when nobody knows."""
        taken = self._taken.get((host.name, app))
        return taken.deploys_before if taken else ""


_LOCKS: WeakKeyDictionary[State, Locks] = WeakKeyDictionary()


def locks_of(state: State) -> Locks:
    """Return the locks of this run of pyinfra."""
    return _LOCKS.setdefault(state, Locks())


def take(request: LockRequest) -> HeldLock:
    """Take one lock and keep it while this process lives; without a channel where the connector cannot do that.

    Raises HeldError in one line with who has it, after `wait_seconds`.
    """
    holder = {**request.holder, "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    words = (request.app, str(request.wait_seconds), json.dumps(holder), "despite-hold" if request.despite_hold else "")
    channel = open_channel(request.host, script("lock", *words), sudo=request.sudo)
    if channel is None:
        return HeldLock(None)
    before = _await(request, channel)
    threading.Thread(target=_keep_alive, args=(channel,), daemon=True).start()
    return HeldLock(channel, before)


def _await(request: LockRequest, channel: Channel) -> str:
    """Wait for the lock, and return what it says of the deploys before."""
    said = []
    while line := channel.read_line():
        if not line.startswith(MARK):
            said.append(line)
            continue
        word, _, detail = line.removeprefix(MARK).rstrip("\n").partition("\t")
        if word == "locked":
            return detail.strip()
        if word == "waiting":
            request.host.log(f"  waiting up to {request.wait_seconds} s: {held_by_run(detail)}")
        elif word in ("held", "hold"):
            raise _held(request, word, detail)
    problem, fix = explain_failure(channel.status, said, ())
    raise HomeportError(f"the deploy lock cannot be taken: {problem}", host=request.host.name, fix=fix)


def _held(request: LockRequest, word: str, detail: str) -> HeldError:
    outcome.mark_held(request.host.name)
    if word == "hold":
        fix = "when that is over: homeport unlock TARGET"
        return HeldError(held_by_hand(detail), host=request.host.name, fix=fix)
    fix = "wait for it, with lock_wait_seconds or --lock-wait"
    return HeldError(held_by_run(detail), host=request.host.name, fix=fix)


def _keep_alive(channel: Channel) -> None:
    """Tell the lock's process now and then that we are there; it frees the lock when it hears nothing for a minute."""
    with contextlib.suppress(OSError):
        while not channel.ended:
            channel.send(b".")
            time.sleep(HEARTBEAT_SECONDS)
