from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.host.system.resources import OVERLAPPING_SLOTS
from homeport.service.workers import RESERVED_MEGABYTES, worker_count
from homeport.state.snapshot import MachineFound

CORES = st.integers(1, 512)
MEMORY = st.integers(0, 10**7)
WORKER = st.integers(16, 10**5)


def count(cores: int, memory: int, worker: int = 200, wanted: int | str = "auto") -> int:
    return worker_count(wanted, MachineFound(cores=cores, memory_megabytes=memory), worker)


@pytest.mark.parametrize(
    ("cores", "memory", "workers"),
    [(1, 512, 1), (1, 8192, 1), (2, 1024, 1), (2, 2048, 2), (4, 2048, 4), (8, 2048, 4), (8, 16384, 8), (1, 0, 1)],
)
def test_a_machine_gets_a_worker_a_core_as_far_as_memory_allows(cores: int, memory: int, workers: int) -> None:
    assert count(cores, memory) == workers


@given(CORES, MEMORY, WORKER)
def test_there_is_at_least_one_worker_and_at_most_one_per_core(cores: int, memory: int, worker: int) -> None:
    assert 1 <= count(cores, memory, worker) <= cores


@given(CORES, MEMORY, WORKER, CORES, MEMORY)
def test_a_larger_machine_never_has_fewer_workers(
    cores: int, memory: int, worker: int, more_cores: int, more_memory: int
) -> None:
    assert count(cores, memory, worker) <= count(cores + more_cores, memory + more_memory, worker)


@given(CORES, MEMORY, WORKER, WORKER)
def test_larger_workers_are_never_more(cores: int, memory: int, worker: int, more: int) -> None:
    assert count(cores, memory, worker + more) <= count(cores, memory, worker)


@given(CORES, MEMORY, WORKER)
def test_the_workers_of_both_slots_fit_into_memory_when_there_is_more_than_one(
    cores: int, memory: int, worker: int
) -> None:
    workers = count(cores, memory, worker)
    assert workers == 1 or workers * OVERLAPPING_SLOTS * worker + RESERVED_MEGABYTES <= memory


@given(CORES, MEMORY, st.integers(1, 256))
def test_a_number_of_workers_is_taken_as_it_is(cores: int, memory: int, wanted: int) -> None:
    assert count(cores, memory, wanted=wanted) == wanted
