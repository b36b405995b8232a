"""What a person asks for: restart, hold, rollback; each is one command, and refused in one line where it cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pyinfra.api.exceptions import DeployError

from homeport.controller import identity
from homeport.facts.releases import ReleasesFact
from homeport.operations import hold, restart, rollback
from homeport.operations.hold import HoldRun
from homeport.operations.releases_run import ReleasesRun
from homeport.operations.restart import RestartRun
from homeport.operations.rollback import RollbackRun
from homeport.releases.listing import ReleaseFound, Releases
from homeport.state.paths import HOST_PROGRAM
from tests.state.builders import make_settings

from .scripted import Data, ScriptedHost

NEW = ReleaseFound("new", "live", migrations=())
OLD = ReleaseFound("old", "good", live_at="t1", migrations=())
FOUND = Releases("new", "new", running=True, workers=2, previous="old", releases=(NEW, OLD))


def prepared(kind: type[Any], *readings: Releases | None, host: ScriptedHost | None = None, **data: Any) -> Any:
    """Return a run of a kind on a host that answers with `readings`, one after the other."""
    own = {key: data.pop(key) for key in list(data) if key.startswith("_")}
    host = host or ScriptedHost({})
    host.facts = {"ReleasesFact": list(readings)}
    host.data = Data(own)
    run = kind(host, make_settings(**data), sudo=True)
    run.preflight()
    return run


def command(operation: Any, run: ReleasesRun) -> str:
    [made] = operation._inner(run)
    return str(made.get_raw_value())


def work(operation: Any, run: ReleasesRun) -> str:
    """Return what an operation has the host program do in a unit of its own."""
    unit, _, asked = command(operation, run).partition(f" {HOST_PROGRAM} --in-unit ")
    assert unit.startswith("systemd-run ")
    return asked.removesuffix(" </dev/null")


ASKED = f"--by {identity.by()} --lock-wait 395"


def test_a_rollback_starts_and_switches_to_the_previous_release() -> None:
    run = prepared(RollbackRun, FOUND)
    for phase, action in ((rollback.start, "start"), (rollback.switch, "commit")):
        assert work(phase, run) == f"{action} --app notes --rollback --release old {ASKED}"
    assert run.details() == {"release": "old"}


@pytest.mark.parametrize("kind", [RollbackRun, RestartRun, HoldRun])
def test_an_application_of_another_project_with_the_same_name_is_left_alone(kind: type[Any]) -> None:
    theirs = replace(FOUND, domains=("shop.example.org",))
    with pytest.raises(DeployError, match=r"app_name: this host serves another site as notes: shop\.example\.org"):
        prepared(kind, theirs)
    assert prepared(kind, theirs, former_domain="shop.example.org")
    assert prepared(kind, replace(FOUND, domains=("old.example.com", "notes.example.com")))


def test_a_rollback_to_what_is_live_does_nothing() -> None:
    run = prepared(RollbackRun, FOUND, release="new")
    assert list(rollback.start._inner(run)) == list(rollback.switch._inner(run)) == []


def test_hosts_that_would_go_to_different_releases_are_refused_while_the_run_is_prepared() -> None:
    first, second = ScriptedHost({}, name="web1"), ScriptedHost({}, name="web2")
    second.state = first.state
    prepared(RollbackRun, FOUND, host=first)
    other = replace(FOUND, previous="older", releases=(NEW, OLD, replace(OLD, id="older")))
    with pytest.raises(
        DeployError, match="web2: the hosts would go back to different releases: web1 to old, web2 to older"
    ):
        prepared(RollbackRun, other, host=second)


def test_a_release_that_went_live_meanwhile_is_not_rolled_back() -> None:
    run = prepared(RollbackRun, FOUND, replace(FOUND, live="newer", proven="newer"))
    run.forget()
    with pytest.raises(DeployError, match=r"^web1: meanwhile release newer has gone live; "):
        list(rollback.start._inner(run))


def test_a_host_that_cannot_be_read_is_one_line() -> None:
    with pytest.raises(DeployError, match=r"^web1: the host's releases cannot be read: \w"):
        prepared(RollbackRun, None)


@pytest.mark.parametrize(
    ("workers", "in_place", "data", "option", "how"),
    [
        (2, False, {}, "", "other slot"),
        (2, True, {}, "", "2 workers one after the other"),
        (1, True, {}, "", "other slot"),
        (2, True, {"_new_slot": True}, " --new-slot", "other slot"),
    ],
)
def test_a_restart_says_how_it_is_done(
    workers: int, in_place: bool, data: dict[str, Any], option: str, how: str
) -> None:
    run = prepared(RestartRun, replace(FOUND, workers=workers, restarts_in_place=in_place), **data)
    assert work(restart.restart, run) == f"restart --app notes {ASKED}{option}"
    assert how in run.host.lines[0]


@pytest.mark.parametrize("found", [Releases(), replace(FOUND, running=False)])
def test_a_restart_of_nothing_is_refused(found: Releases) -> None:
    with pytest.raises(DeployError, match=r"^web1: no release is live here that could be restarted; deploy first$"):
        prepared(RestartRun, found)


def test_a_hold_carries_its_message_and_is_no_change_a_second_time() -> None:
    run = prepared(HoldRun, FOUND, _message="the database; it's moving")
    assert command(hold.hold, run).endswith("""--message 'the database; it'"'"'s moving'""")
    note = {"by": identity.by(), "message": "wait"}
    again = prepared(HoldRun, replace(FOUND, hold=note), _message="wait")
    assert list(hold.hold._inner(again)) == []


def test_letting_go_of_what_nobody_holds_is_no_change() -> None:
    assert list(hold.unhold._inner(prepared(HoldRun, FOUND))) == []
    held = prepared(HoldRun, replace(FOUND, hold={}))
    assert command(hold.unhold, held) == f"{HOST_PROGRAM} unhold --app notes --by {identity.by()}"


def test_the_list_is_asked_of_the_host_program() -> None:
    assert ReleasesFact().command(app="notes").endswith(f"; {HOST_PROGRAM} releases --json --app notes")
