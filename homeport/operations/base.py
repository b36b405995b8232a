"""The base of every run against a host: settings, the deploy lock, and output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pyinfra.api import FactBase
from pyinfra.api.exceptions import DeployError

from homeport.controller import events, identity
from homeport.errors import HomeportError
from homeport.facts.reading import UnreadError, read_fact
from homeport.inventory.fleet import has_one_host
from homeport.operations.lock import LockRequest, locks_of
from homeport.pyinfra_support.connection import has_channels
from homeport.state.changes import Change

if TYPE_CHECKING:
    from pyinfra.api import Host

    from homeport.settings import Settings

T = TypeVar("T")
# A reading that is older is not relied on, whoever was at work since.
CURRENT_SECONDS = 60.0


class HostRun(ABC):
    """One run against one host: `action` says in a word what it does ("deploy"), `about` more of it (ref, release)."""

    action = "run"
    despite_hold = False

    def __init__(self, host: Host, settings: Settings, *, sudo: bool):
        self.host = host
        self.settings = settings
        self.sudo = sudo
        self._is_locked = False

    @abstractmethod
    def forget(self) -> None:
        """Have the host read again before the next comparison."""

    @abstractmethod
    def reading(self) -> tuple[str, float]:
        """Return which deploy was the last when the host was read ("": nobody knows), and its age in seconds."""

    def _is_current(self) -> bool:
        """Tell whether no deploy was at work between the reading of the host and the lock."""
        deploys, age = self.reading()
        before = locks_of(self.host.state).deploys_before(self.host, self.settings.app_name)
        return bool(deploys) and deploys == before and age < CURRENT_SECONDS

    def read_fact(self, fact: type[FactBase[T]], *arguments: Any, what: str, stdin: str = "") -> T:
        """Return what `fact` reads on the host; raise DeployError, `what` and why in one line, when that can't be."""
        try:
            return read_fact(self.host, fact, *arguments, sudo=self.sudo, stdin=stdin)
        except UnreadError as error:
            error.problem = f"{what}: {error.problem}"
            raise DeployError(error.line()) from error

    def details(self) -> dict[str, str]:
        """Return what others are told of this run besides who it is."""
        return {}

    def event_details(self) -> dict[str, str]:
        """Return what the `homeport` command is told of this run."""
        return self.details()

    def ask_for_lock(self) -> None:
        """Note that this run locks the host before it changes anything there."""
        who = {"by": identity.user(), "from": identity.machine(), "run": locks_of(self.host.state).mark}
        holder = {"action": self.action, **who, **self.details()}
        locks_of(self.host.state).ask(
            LockRequest(
                self.host,
                self.settings.app_name,
                self.settings.lock_wait_seconds,
                holder,
                sudo=self.sudo,
                despite_hold=self.despite_hold,
            )
        )

    def changes(self, compare: Callable[[], T]) -> T:
        """Return what `compare` finds to be changed.

        Before a run changes anything, the deploy lock is taken; the host is compared again if another run may have been
        at work since it was read, or it was read long ago (somebody was asked meanwhile). A dry run and one without
        changes need no lock. Raises DeployError, in one line, when
        somebody else has the host, when the lock was lost, and for an error of ours in `compare`.
        """
        try:
            found = compare()
            if not found or not self.host.state.is_executing:
                return found
            locks_of(self.host.state).secure()
            if self._is_locked:
                return found
            self._is_locked = True
            if self._is_current():
                return found
            self.forget()
            return compare()
        except HomeportError as error:
            error.host = error.host or self.host.name
            events.emit("error", host=self.host.name, line=error.line())
            raise DeployError(error.line()) from error

    @property
    def switches_at_once(self) -> bool:
        """Whether a release is switched to by the command that starts it: no other host has to start it as well.

        That takes half a second less. The host must be able to tell then that this run is still there, by its lock: a
        release whose run was killed or interrupted while it started does not go live.
        """
        return has_one_host(self.host.state) and has_channels(self.host)

    @property
    def work_wait_options(self) -> tuple[str, str]:
        """Return the option that has the host program wait for what a killed run has left at work.

        That is a start and a switch, at most; hooks have times of their own, which nobody waits for.
        """
        settings = self.settings
        start = settings.migrate_timeout_seconds + settings.health_timeout_seconds
        start += sum(step.timeout_seconds for step in settings.before_start)
        switch = settings.watch_seconds + settings.drain_timeout_seconds
        return "--lock-wait", str(max(settings.lock_wait_seconds, start + switch))

    @property
    def caller_options(self) -> tuple[str, ...]:
        """Return the options of the host program that say who asks, and that it waits as `work_wait` has it."""
        return "--by", identity.by(), *self.work_wait_options

    def announce(self, changes: Sequence[Change], *, otherwise: str) -> bool:
        """Show what a phase does (in a dry run: would do) to this host, or note `otherwise`; tell whether it does."""
        for change in changes:
            self._show(change)
        if not changes:
            self.host.noop(otherwise)
        return bool(changes)

    def _show(self, change: Change) -> None:
        if not events.are_wanted():
            self.host.log(f"  {change}")
            return
        planned = not self.host.state.is_executing
        fields = {"action": change.verb, "what": change.what, "reason": change.reason}
        events.emit("change", host=self.host.name, planned=planned, **fields)
