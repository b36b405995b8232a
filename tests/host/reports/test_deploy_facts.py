"""What the host tells of its slots."""

from homeport.host.reports.deploy_facts import memory


def process(kind: str, kilobytes: int) -> dict[str, object]:
    return {"pid": 1, "kind": kind, "memory_pss_kilobytes": kilobytes}


def test_workers_are_counted_apart_from_the_manager_and_its_helpers() -> None:
    processes = [process("main", 40), process("other", 8), process("worker", 100), process("worker", 120)]

    assert memory(processes) == (268, 220, 2)


def test_a_lone_worker_is_the_main_process() -> None:
    assert memory([process("main", 90), process("other", 3)]) == (93, 93, 1)
    assert memory([]) == (0, 0, 1)
