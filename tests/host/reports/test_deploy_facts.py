"""What the host tells of its slots."""

from homeport.host.reports.deploy_facts import memory
from homeport.host.system.unit_processes import Held


def test_workers_are_counted_apart_from_the_manager_and_its_helpers() -> None:
    assert memory(Held(268, {3: 100, 4: 120})) == (268, 220, 2)


def test_a_lone_worker_is_the_main_process() -> None:
    assert memory(Held(93, {})) == (93, 93, 1)
    assert memory(Held(0, {})) == (0, 0, 1)
