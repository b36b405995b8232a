"""Which workers serve, how many fit, and what is said of those that do not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from homeport.host.services import worker_memory, workers
from homeport.host.services.release_description import Release, parse, server_of
from homeport.host.services.workers import MEGABYTE, WorkerState
from homeport.host.system import resources, sockets

MEMINFO = "MemTotal: 8388608 kB\nMemAvailable: 2097152 kB\n"
# Listens, says so, and waits for connections once it is told to.
SERVER = """
import select, socket, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sys.stdin.readline()
poll = select.epoll()
poll.register(server)
print("waits", flush=True)
sys.stdin.readline()
"""


def release(tmp_path: Path, *, count: int = 3, unit: str = "", **more: Any) -> Release:
    health = {"path": "/health", "status": 200, "successes": 1, "timeout_seconds": 5}
    raw = {"id": "r", "ports": {"blue": 1, "green": 2}, "health": health, "drain_timeout_seconds": 1}
    (tmp_path / "app.service").write_text(unit)
    return parse({**raw, "has_migration": False, "workers": count, **more}, tmp_path)


def crew(there: int, serving: int, kills: int = 0) -> WorkerState:
    return WorkerState(frozenset(range(there)), frozenset(range(serving)), kills)


def test_a_process_serves_once_it_waits_for_connections_on_the_socket() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin
        assert server.stdout
        port = int(server.stdout.readline())
        inodes = {one.inode for one in sockets.listeners(sockets.read(), port)}
        assert not workers.watches(server.pid, inodes)
        print(file=server.stdin, flush=True)
        assert server.stdout.readline() == "waits\n"
        assert workers.watches(server.pid, inodes)
        assert not workers.watches(server.pid, {1})
        server.stdin.close()
    assert not workers.watches(server.pid, inodes)


@pytest.mark.parametrize(
    ("count", "found", "complete"),
    [
        (3, crew(3, 3), True),
        (3, crew(3, 2), False),
        (3, crew(2, 2), False),
        # A lone worker is the main process; of processes that nobody can look into those there are count.
        (1, crew(0, 0), True),
        (3, crew(3, 0), True),
        (3, crew(2, 0), False),
        # A server of the user's own.
        (3, crew(0, 0), True),
    ],
)
def test_all_workers_have_to_serve(tmp_path: Path, count: int, found: WorkerState, complete: bool) -> None:
    assert workers.is_complete(found, release(tmp_path, count=count)) is complete


def test_a_manager_that_had_workers_and_has_none_is_not_complete(tmp_path: Path) -> None:
    wanted = release(tmp_path)
    assert not workers.is_complete(crew(0, 0), wanted, seen={1, 2})
    assert workers.is_complete(crew(3, 3), wanted, seen={1, 2})


def test_missing_workers_are_counted_in_the_error(tmp_path: Path) -> None:
    wanted = release(tmp_path)
    assert workers.missing_text(crew(3, 2), wanted, 0) == "2 of 3 workers serve"
    assert workers.missing_text(crew(3, 2), wanted, 1) == "2 of 3 workers serve; 1 died, and was replaced"
    assert workers.missing_text(crew(3, 2), wanted, 4) == "2 of 3 workers serve; 4 died, and were replaced"


def test_workers_that_end_after_so_many_requests_are_no_trouble(tmp_path: Path) -> None:
    assert workers.are_replaced(release(tmp_path, unit="ExecStart=uvicorn --limit-max-requests 100\n"))
    assert workers.are_replaced(release(tmp_path, unit="ExecStart=gunicorn --max-requests 100 --preload\n"))
    assert workers.are_replaced(release(tmp_path, unit="ExecStart=granian --workers-lifetime 3600\n"))
    assert not workers.are_replaced(release(tmp_path, unit="ExecStart=uvicorn\n"))


@pytest.mark.parametrize(
    ("server", "managed"), [("gunicorn", True), ("granian", True), ("hypercorn", True), ("uvicorn", False)]
)
def test_a_lone_worker_of_some_servers_has_a_manager(tmp_path: Path, server: str, managed: bool) -> None:
    assert release(tmp_path, count=1, server=server).has_manager is managed
    assert release(tmp_path, count=2, server=server).has_manager
    assert server_of(tmp_path) == "fastapi"
    (tmp_path / "release.json").write_text(json.dumps({"server": server}))
    assert server_of(tmp_path) == server


def test_a_kill_names_the_limit_and_what_to_do(tmp_path: Path) -> None:
    unit = {"MemoryMax": str(400 * MEGABYTE)}
    assert workers.killed(unit, crew(3, 3), release(tmp_path)) is None
    assert str(workers.killed(unit, crew(3, 0, 2), release(tmp_path))) == (
        "2 processes were killed for lack of memory: its 3 workers do not fit into 400 MB (memory_max_megabytes); take "
        "fewer workers, raise the limit, or give the machine more"
    )
    lone = workers.killed({"MemoryMax": "infinity"}, crew(0, 0, 1), release(tmp_path, count=1))
    assert str(lone).startswith("1 process was killed for lack of memory: its worker does not fit into the machine; ")


@pytest.mark.parametrize(
    ("base", "each", "room", "expected"),
    [(140, 150, 500, 2), (30, 1000, 2600, 2), (1000, 1000, 2600, 1), (140, 150, 149, 0), (140, 150, 150, 1)],
)
def test_a_lone_worker_has_no_manager(base: int, each: int, room: int, expected: int) -> None:
    assert resources.fitting(base, each, room) == expected


def test_a_manager_that_a_lone_worker_has_takes_its_part() -> None:
    assert resources.fitting(140, 150, 289, always_managed=True) == 0
    assert resources.fitting(140, 150, 290, always_managed=True) == 1
    assert resources.fitting(140, 150, 500, always_managed=True) == 2


@pytest.mark.parametrize(
    ("limit", "switch", "expected"),
    [
        ("infinity", "overlap", ((2048 - 64) // 2, "available, for each of two slots side by side")),
        ("infinity", "restart", (2048 - 64, "available")),
        (str(500 * MEGABYTE), "overlap", (500, "memory_max_megabytes")),
        (str(1500 * MEGABYTE), "overlap", ((2048 - 64) // 2, "available, for each of two slots side by side")),
    ],
)
def test_the_limit_or_the_machine_decides_what_there_is(
    tmp_path: Path, limit: str, switch: str, expected: tuple[int, str]
) -> None:
    size, why = worker_memory.room({"MemoryMax": limit}, release(tmp_path, switch=switch), MEMINFO)
    assert (size // MEGABYTE, why) == expected


def test_the_refusal_has_the_figures_and_how_many_fit(tmp_path: Path) -> None:
    unit = {"MemoryMax": str(500 * MEGABYTE)}
    demand = (140 * MEGABYTE, 150 * MEGABYTE)
    assert worker_memory.refusal(unit, release(tmp_path, count=2), demand) is None
    assert worker_memory.refusal(unit, release(tmp_path, count=4), None) is None
    assert str(worker_memory.refusal(unit, release(tmp_path, count=4), demand)) == (
        "measured memory of its workers: 150 MB each, and 140 MB for their manager; 2 fit; 4 need 740 MB, and there "
        "are 500 "
        "MB (memory_max_megabytes); set workers = 2"
    )
