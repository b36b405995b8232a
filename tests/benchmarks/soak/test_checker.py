"""The checker of the soak: a history that is as promised has nothing against it, and a false one breaks its rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.soak.checker import MOST_MORE_MEGABYTES, MOST_RELEASES, violations
from benchmarks.soak.faults import GET, HTTP_2, IDLE_GET, KINDS, NEW, POST, WEBSOCKET
from benchmarks.soak.history import History
from tests.benchmarks.soak.histories import GOOD, asked, event, failed, history, rules, wrote

# --- every request ends once ---


def test_a_history_without_faults_and_failures_has_nothing_against_it() -> None:
    assert rules(history(asked(1), asked(2), asked(1, client=2), wrote(3, "n1"))) == []


def test_a_request_that_never_ended_is_found() -> None:
    given = history(asked(1), asked(2), asked(3))
    del given.requests[1]
    assert [str(one.text) for one in violations(given)] == [f"{GET} 1: request 2 never ended"]


def test_the_last_request_is_missed_too() -> None:
    given = history(asked(1), asked(2))
    given.requests.pop()
    assert rules(given) == ["answers"]


def test_a_request_that_ended_twice_is_found() -> None:
    given = history(asked(1), asked(2))
    given.requests.append(given.requests[0])
    assert "ended 2 times" in violations(given)[0].text


def test_an_answer_to_what_nobody_sent_is_found() -> None:
    given = history(asked(1))
    given.requests.append(replace(given.requests[0], number=2))
    assert "was never sent" in violations(given)[0].text


def test_a_soak_that_did_not_come_to_its_end_is_no_success() -> None:
    assert rules(History([], [], None)) == ["ending"]


# --- failures ---


def test_a_failure_without_a_fault_is_found() -> None:
    assert rules(history(failed(5), events=(event("kill manager"),))) == ["failures"]


def test_what_a_fault_may_cost_is_no_violation() -> None:
    killed = event("kill manager", back=15.0)
    assert rules(history(failed(9.95), failed(10.5), failed(14.9), failed(16), asked(17), events=(killed,))) == []


def test_what_fails_long_after_it_is_one() -> None:
    assert rules(history(failed(30), events=(event("kill manager", back=15.0),))) == ["failures"]


def test_a_release_costs_nothing() -> None:
    released = event("release", 10, 20, "a", "b")
    assert rules(history(asked(9), failed(15), asked(21, "b"), events=(released,))) == ["failures"]


def test_a_request_that_was_under_way_as_the_fault_began_counts_as_its() -> None:
    given = history(failed(8, ended=10.1), events=(event("kill worker"),))
    assert rules(given) == []


def test_of_each_client_one_request_may_be_lost_with_a_worker_and_no_second_one() -> None:
    killed = (event("kill worker"),)
    assert rules(history(failed(10.1), failed(10.1, client=2), failed(10.2, kind=POST), events=killed)) == []
    assert rules(history(failed(10.1), failed(10.5), events=killed)) == ["failures"]


def test_two_faults_may_cost_a_client_two_requests() -> None:
    killed = event("kill worker", 10, 10.2), event("kill worker", 10.5, 10.7)
    assert rules(history(failed(10.1), failed(10.6), events=killed)) == []
    assert rules(history(failed(10.1), failed(10.6), failed(10.65), events=killed)) == ["failures"]


def test_a_reload_costs_busy_clients_nothing_and_idle_ones_a_request() -> None:
    reloaded = (event("reload"),)
    assert rules(history(failed(12, kind=IDLE_GET), failed(11, kind=HTTP_2), events=reloaded)) == []
    for kind in (GET, POST, NEW):
        assert rules(history(failed(10.9, kind=kind), events=reloaded)) == ["failures"]


def test_a_bare_reload_costs_a_kept_connection_a_request_and_a_new_one_nothing() -> None:
    reloaded = (event("raw reload"),)
    assert rules(history(failed(11), events=reloaded)) == []
    assert rules(history(failed(11, kind=NEW), events=reloaded)) == ["failures"]


def test_a_websocket_may_end_a_minute_after_a_reload() -> None:
    reloaded = (event("reload"),)
    assert rules(history(failed(70, kind=WEBSOCKET), events=reloaded)) == []
    assert rules(history(failed(90, kind=WEBSOCKET), events=reloaded)) == ["failures"]


def test_maintenance_answers_503_with_a_time_to_come_again_and_nothing_else() -> None:
    closed = (event("maintenance"),)
    page = replace(failed(10.5, kind=POST, status=503), retry_after=True)
    assert rules(history(page, events=closed)) == []
    for wrong in (replace(page, retry_after=False), replace(page, status=502), replace(page, status=0)):
        assert rules(history(wrong, events=closed)) == ["failures"]


def test_in_maintenance_the_health_path_answers() -> None:
    given = history(replace(failed(10.5, status=503), retry_after=True), events=(event("maintenance"),))
    assert rules(given) == ["failures"]


def test_a_release_that_dies_when_live_is_taken_back_soon() -> None:
    taken_back = (event("release that dies when live", 10, 60, "a", "b", "a"),)
    assert rules(history(failed(20), failed(25), events=taken_back)) == []
    assert rules(history(failed(20), failed(50), events=taken_back)) == ["failures"]


def test_a_power_cut_in_a_deploy_costs_a_boot_and_not_all_of_the_deploy() -> None:
    cut = (event("power cut in a deploy", 10, 100, "a", "b"),)
    assert rules(history(failed(15), failed(30), events=cut)) == []
    assert rules(history(failed(15), failed(60), events=cut)) == ["failures"]


def test_a_full_disk_costs_writes_alone() -> None:
    filled = (event("full disk"),)
    assert rules(history(failed(10.5, kind=POST, status=500), events=filled)) == []
    assert rules(history(failed(10.5), events=filled)) == ["failures"]


def test_bounds_grow_with_the_slowness_of_the_computer() -> None:
    given = history(failed(17), events=(event("kill manager", back=15.0),))
    assert rules(given) == ["failures"]
    given.pace = 3.0
    assert rules(given) == []


# --- one release at a time ---

SWITCHED = (event("release", 10, 20, "a", "b"),)


def test_a_switch_has_one_release_before_and_another_after() -> None:
    given = history(asked(5), asked(15), asked(15.5, "b", client=2), asked(16, "b"), asked(25, "b"), events=SWITCHED)
    assert rules(given) == []


def test_no_request_gets_the_old_one_once_the_new_one_has_answered_on_any_connection() -> None:
    assert rules(history(asked(15, "b"), asked(15.5, client=2), events=SWITCHED)) == ["one release"]


def test_requests_that_were_under_way_at_the_same_time_may_get_either() -> None:
    given = history(asked(15, "b", ended=15.4), asked(15.2, client=2), asked(12, client=3, ended=18), events=SWITCHED)
    assert rules(given) == []


def test_the_old_one_does_not_answer_after_the_switch_is_over() -> None:
    assert rules(history(asked(25), events=SWITCHED)) == ["one release"]


def test_the_new_one_does_not_answer_before_it_began() -> None:
    assert rules(history(asked(5, "b"), events=SWITCHED)) == ["one release"]


def test_a_release_that_no_fault_names_is_never_served() -> None:
    assert rules(history(asked(15, "c"), events=SWITCHED)) == ["one release"]


def test_a_rollback_brings_the_old_one_back() -> None:
    events = (*SWITCHED, event("rollback", 30, 35, "b", "a"))
    given = history(asked(5), asked(15, "b"), asked(32, "b"), asked(33), asked(40), events=events)
    assert rules(given) == []
    assert rules(history(asked(15, "b"), asked(33), asked(34, "b", client=2), events=events)) == ["one release"]


def test_a_release_that_is_taken_back_may_have_answered_meanwhile_and_not_afterwards() -> None:
    events = (event("release that dies when live", 10, 20, "a", "b", "a"),)
    assert rules(history(asked(12), asked(13, "b"), asked(14), events=events)) == []
    assert rules(history(asked(13, "b"), asked(14), asked(15, "b"), events=events)) == ["one release"]


def test_a_websocket_stays_with_its_release() -> None:
    assert rules(history(asked(15, "b"), asked(16, "a", kind=WEBSOCKET), events=SWITCHED)) == []


# --- writes ---


def test_a_write_that_was_acknowledged_is_there() -> None:
    assert rules(history(wrote(1, "n1"), wrote(2, "n2"), notes={"n1": 1})) == ["writes"]


def test_no_write_is_there_twice_whatever_its_answer_was() -> None:
    assert rules(history(wrote(1, "n1"), notes={"n1": 2})) == ["writes"]
    failing = history(wrote(10.1, "n1", problem="cut"), notes={"n1": 2}, events=(event("kill worker"),))
    assert rules(failing) == ["writes"]


@pytest.mark.parametrize("notes", [{}, {"n1": 1}])
def test_a_write_whose_answer_was_lost_may_be_there_or_not(notes: dict[str, int]) -> None:
    assert rules(history(wrote(10.1, "n1", problem="cut"), notes=notes, events=(event("kill worker"),))) == []


def test_what_nobody_wrote_is_not_there() -> None:
    assert rules(history(wrote(1, "n1"), notes={"n1": 1, "n2": 1})) == ["writes"]


# --- recovery, and what a fault did ---


def test_a_site_that_comes_back_late_or_never_is_found() -> None:
    bound = KINDS["kill manager"].bound_seconds
    assert rules(history(events=(event("kill manager", back=11 + bound),))) == []
    assert rules(history(events=(event("kill manager", back=12 + bound),))) == ["recovery"]
    assert rules(history(events=(event("kill manager", back=None),))) == ["recovery"]


def test_one_answer_of_a_site_that_goes_down_a_moment_later_is_not_its_being_back() -> None:
    killed = (event("kill manager", 10, 10.2, back=10.3),)
    down = [failed(at, kind=kind) for kind in (NEW, GET) for at in (12, 14, 16)]
    assert rules(history(*down, asked(17, kind=NEW), events=killed)) == []
    bound = KINDS["kill manager"].bound_seconds
    late = [failed(at, kind=NEW) for at in (12.0, 10.15 + bound, 12 + bound)]
    assert rules(history(*late, events=killed)) == ["recovery", "failures"]


def test_the_end_of_a_worker_has_nobody_down_however_long_it_lasts() -> None:
    killed = (event("kill worker", 10, 10.2, back=10.3),)
    assert rules(history(*(failed(at, kind=NEW) for at in (10.1, 13.0)), events=killed)) == ["failures"]


def test_a_fault_that_did_not_do_what_it_must_is_found() -> None:
    wrong = replace(event("release"), problem="a release ended with status 1")
    assert "a release ended with status 1" in violations(history(events=(wrong,)))[0].text


# --- the end ---


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"failed_units": ("homeport-renew.service",)}, "failed units: homeport-renew.service"),
        ({"runtime_flags": ("closing",)}, "files in /run/homeport: closing"),
        ({"unfinished": ("/srv/notes/releases/x.partial",)}, "unfinished work: /srv/notes/releases/x.partial"),
        ({"releases": MOST_RELEASES + 1}, "6 releases on the disk"),
        ({"environments": MOST_RELEASES + 1}, "6 environments on the disk"),
        ({"megabytes": GOOD.megabytes + MOST_MORE_MEGABYTES + 1}, "361 MB on the disk, 300 MB before"),
    ],
)
def test_what_is_left_on_the_machine_is_found(changes: dict[str, object], words: str) -> None:
    given = history(asked(1))
    assert given.ending
    given.ending = replace(given.ending, after=replace(GOOD, **changes))  # type: ignore[arg-type]
    [found] = violations(given)
    assert (found.rule, words in found.text) == ("ending", True)


def test_what_was_there_before_is_not_left_over() -> None:
    given = history(asked(1))
    assert given.ending
    old = replace(GOOD, failed_units=("old.service",))
    given.ending = replace(given.ending, before=old, after=old)
    assert rules(given) == []


def test_findings_and_a_run_that_changes_something_are_found() -> None:
    given = history(asked(1))
    assert given.ending
    given.ending = replace(given.ending, findings=("unit_failed: it failed",), last_run="Release: upload")
    assert [one.text for one in violations(given)] == [
        "doctor: unit_failed: it failed",
        "a deploy of the same: Release: upload",
    ]
