from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from homeport.host.system.resources import SPARE_MEGABYTES
from homeport.preflight.memory import demand, refusal, room, sized
from homeport.service.workers import memory_limit, worker_count
from homeport.settings import Settings
from homeport.state.snapshot import Claim, MachineFound, SlotMemory, Snapshot
from tests.state.builders import bare, make_settings


def memory(base: int, each: int, workers: int) -> SlotMemory:
    """Return what a slot holds, given in megabytes."""
    return SlotMemory((base + each * workers) * 1024, each * workers * 1024, workers)


LIVE = memory(50, 100, 4)
SLOTS = st.builds(memory, st.integers(0, 500), st.integers(1, 2000), st.integers(1, 32))
FOUND = st.builds(
    lambda available, live, idle, cores, total: machine(
        available, **{slot: one for slot, one in (("blue", live), ("green", idle)) if one}, cores=cores, total=total
    ),
    st.none() | st.integers(0, 100_000),
    st.none() | SLOTS,
    st.none() | SLOTS,
    st.integers(1, 64),
    st.integers(128, 200_000),
)
SETTINGS = st.builds(
    lambda workers, size, switch: make_settings(workers=workers, worker_memory_megabytes=size, switch=switch),
    st.just("auto") | st.integers(1, 256),
    st.integers(16, 4000),
    st.sampled_from(["overlap", "restart"]),
)


def machine(available: int | None, *, cores: int = 4, total: int = 8192, **slots: Any) -> Snapshot:
    """Return a host with so much memory available and what its slots hold; blue is live."""
    found = bare(MachineFound(cores=cores, memory_megabytes=total))
    return replace(found, available_megabytes=available, slot_memory=slots, live_slot="blue", slots={"blue": "older"})


def said(found: Snapshot, workers: int, **data: Any) -> str:
    problem = refusal(make_settings(workers=workers, **data), found, workers)
    return problem.line() if problem else ""


def test_a_slot_is_reckoned_as_it_was_measured() -> None:
    assert demand(make_settings(), machine(1000, blue=LIVE)).of(4) == 450
    assert demand(make_settings(), machine(1000, blue=LIVE)).of(2) == 250


def test_a_lone_worker_of_gunicorn_has_a_manager_and_what_they_share_beside_it() -> None:
    preloaded = make_settings(server="gunicorn", server_preload=True)
    assert demand(preloaded, machine(1000, blue=memory(400, 20, 4))).of(1) == 420
    assert demand(preloaded, machine(1000, blue=memory(400, 20, 4))).fitting(410) == 0
    assert demand(preloaded, machine(1000, blue=memory(400, 20, 4))).fitting(500) == 5
    assert demand(make_settings(), machine(1000, blue=memory(400, 20, 4))).of(1) == 20


def test_without_a_live_slot_the_setting_is_the_guess() -> None:
    assert demand(make_settings(worker_memory_megabytes=123), machine(1000, green=LIVE)).of(2) == 246


@pytest.mark.parametrize(
    ("found", "overlapping", "restarting"),
    [
        (machine(None), None, None),
        (machine(1064), 500, 1000),
        (machine(264, blue=LIVE), 200, 650),
        (machine(1064, blue=LIVE), 725, 1450),
        (machine(264, blue=LIVE, green=memory(0, 100, 1)), 300, 750),
        (machine(10), 0, 0),
    ],
)
def test_the_idle_slot_is_free_by_then_and_the_live_one_with_a_restart(
    found: Snapshot, overlapping: int | None, restarting: int | None
) -> None:
    assert (room(found, restart=False), room(found, restart=True)) == (overlapping, restarting)


REFUSALS = [
    (
        machine(364, blue=LIVE),
        6,
        {},
        "workers: 6 workers of 100 MB (as measured) need 650 MB, there are 300 MB for each of the two slots that a "
        'switch runs side by side; set workers = 2 or set switch = "restart"',
    ),
    (
        machine(114, blue=LIVE),
        4,
        {},
        "workers: 4 workers of 100 MB (as measured) need 450 MB, there are 50 MB for each of the two slots that a "
        'switch runs side by side; set switch = "restart"',
    ),
    (
        machine(114, blue=LIVE),
        9,
        {"standby": True},
        "workers: 9 workers of 100 MB (as measured) need 950 MB, there are 50 MB for each of the two slots that a "
        'switch runs side by side; set standby = False and switch = "restart" and workers = 4',
    ),
    (
        machine(114, blue=LIVE),
        9,
        {"switch": "restart"},
        "workers: 9 workers of 100 MB (as measured) need 950 MB, there are 500 MB; set workers = 4",
    ),
    (
        machine(5000, blue=LIVE),
        9,
        {"memory_max_megabytes": 500},
        "workers: 9 workers of 100 MB (as measured) need 950 MB, there are 500 MB (memory_max_megabytes); "
        "set workers = 4",
    ),
    (
        machine(464),
        3,
        {"worker_memory_megabytes": 300},
        "workers: 3 workers of 300 MB (by worker_memory_megabytes) need 900 MB, there are 200 MB for each of the two "
        "slots that a switch runs side by side; set workers = 1",
    ),
]


@pytest.mark.parametrize(("found", "workers", "data", "line"), REFUSALS)
def test_a_limit_that_does_not_fit_is_refused_in_one_line_with_one_that_does(
    found: Snapshot, workers: int, data: dict[str, Any], line: str
) -> None:
    assert said(found, workers, **data) == line


def test_a_single_worker_is_refused_by_a_measurement_and_never_by_a_guess() -> None:
    assert said(machine(100), 1, worker_memory_megabytes=4000) == ""
    assert "1 worker of 900 MB (as measured)" in said(machine(100, blue=memory(0, 900, 1)), 1)


def test_a_guess_is_not_held_against_the_limit_since_the_host_measures_a_first_release() -> None:
    assert said(machine(5000), 4, memory_max_megabytes=500, worker_memory_megabytes=200) == ""


def test_a_lone_worker_has_no_manager() -> None:
    assert said(machine(5000, blue=LIVE), 1, memory_max_megabytes=120) == ""
    assert "set workers = 1" in said(machine(5000, blue=LIVE), 2, memory_max_megabytes=120)


@given(FOUND, SETTINGS)
def test_auto_never_chooses_what_is_then_refused_unless_nothing_fits(found: Snapshot, settings: Settings) -> None:
    ready = sized(settings, found)
    chosen = worker_count("auto", ready, settings.worker_memory_megabytes)
    assert 1 <= chosen <= ready.cores
    if refusal(settings, found, chosen):
        assert chosen == 1


@given(FOUND, SETTINGS, st.integers(1, 256))
def test_an_accepted_demand_fits_and_an_offered_one_is_accepted(
    found: Snapshot, settings: Settings, workers: int
) -> None:
    problem = refusal(settings, found, workers)
    wanted, restart = demand(settings, found), settings.switch == "restart"
    there_is = room(found, restart=restart)
    if problem is None:
        assert there_is is None or wanted.of(workers) <= there_is or (workers == 1 and not wanted.measured)
        return
    assert problem.fix
    first = problem.fix.split(" or ")[0]
    if first.startswith("set workers = "):
        assert refusal(settings, found, int(first.rpartition(" ")[2])) is None
    elif "restart" in first:
        fewer = int(first.rpartition(" ")[2]) if "workers" in first else workers
        relaxed = make_settings(switch="restart", worker_memory_megabytes=settings.worker_memory_megabytes)
        assert refusal(relaxed, found, fewer) is None


@given(FOUND, SETTINGS, st.integers(1, 255))
def test_fewer_workers_are_never_refused_where_more_fit(found: Snapshot, settings: Settings, workers: int) -> None:
    assume(refusal(settings, found, workers + 1) is None)
    assert refusal(settings, found, workers) is None


@given(st.integers(2, 64), st.integers(20, 400), st.integers(512, 64_000))
def test_the_number_of_workers_settles_and_does_not_go_back_and_forth(cores: int, each: int, total: int) -> None:
    """Each release is measured as it runs, and what it takes is gone from what is available for the next one."""
    settings, workers, seen = make_settings(), 1, []
    for _ in range(6):
        found = machine(max(total - 200 - each * workers, 0), blue=memory(0, each, workers), cores=cores, total=total)
        workers = worker_count("auto", sized(settings, found), settings.worker_memory_megabytes)
        seen.append(workers)
    assert len(set(seen[1:])) == 1


def test_the_number_of_workers_is_the_same_whatever_is_available_as_long_as_it_fits() -> None:
    counts = {
        worker_count("auto", sized(make_settings(), machine(available, blue=LIVE)), 200)
        for available in (1000, 2000, 7000)
    }
    assert counts == {4}


def test_applications_that_share_a_machine_have_equal_parts_of_it_as_their_limit() -> None:
    others = (Claim("blog", (), ()), Claim("shop", (), ()), Claim("notes", (), ()), Claim("", (), ()))
    alone, three = (
        sized(make_settings(), replace(machine(1000, total=3456), claims=claims)) for claims in ((), others)
    )
    assert (memory_limit("auto", alone), memory_limit("auto", three)) == (3072, 1024)
    assert memory_limit(500, three) == 500
    assert memory_limit(None, three) is None


@given(st.integers(0, 10**6), st.integers(1, 20))
def test_the_limits_of_all_applications_leave_the_system_something(total: int, applications: int) -> None:
    limit = memory_limit("auto", MachineFound(memory_megabytes=total, applications=applications))
    assert limit is not None
    assert limit >= 64
    if limit > 64:
        assert limit * applications <= max(total - 384, total // 2)


def test_the_spare_memory_is_not_lent() -> None:
    assert room(machine(SPARE_MEGABYTES + 9), restart=True) == 9
