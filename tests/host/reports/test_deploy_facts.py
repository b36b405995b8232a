"""What the host tells of its slots."""

from homeport.host.reports.deploy_facts import memory
from homeport.host.system.unit_processes import UnitMemory


def test_workers_are_counted_apart_from_the_manager_and_its_helpers() -> None:
    assert memory(UnitMemory(268, {3: 100, 4: 120})) == (268, 220, 2)


def test_a_lone_worker_is_the_main_process() -> None:
    assert memory(UnitMemory(93, {})) == (93, 93, 1)
    assert memory(UnitMemory(0, {})) == (0, 0, 1)
