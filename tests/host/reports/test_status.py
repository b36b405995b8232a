"""Processes and their memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.host.system.atomic import remove, write
from homeport.host.system.unit_processes import (
    TITLE,
    is_worker,
    kind,
    parse_private,
    parse_pss,
    private_kilobytes,
    process,
    process_ids,
    pss_kilobytes,
)
from tests.pace import until

WORKER = "/srv/x/.venv/bin/python\0-c\0from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5)"


def test_workers_are_told_from_the_manager_and_its_helpers() -> None:
    assert kind(WORKER, is_main=False) == "worker"
    assert kind("python\0fastapi\0run", is_main=True) == "main"
    assert kind("python\0-c\0from multiprocessing.resource_tracker import main", is_main=False) == "other"


# A manager that forks: two workers of its own, one of them with a child, and another program that it has started.
MANAGER = """
import os, signal, subprocess, sys, time
other = subprocess.Popen(["sleep", "1000"])
workers = []
for number in range(2):
    pid = os.fork()
    if not pid:
        if number:
            os.fork()
        while True:
            time.sleep(1000)
    workers.append(pid)
print(*workers, other.pid, flush=True)
sys.stdin.read()
os.killpg(0, signal.SIGKILL)
"""


def test_forks_of_the_manager_are_workers_where_the_server_makes_them_so() -> None:
    words = [sys.executable, "-c", MANAGER]
    with subprocess.Popen(words, stdin=-1, stdout=-1, text=True, start_new_session=True) as manager:
        assert manager.stdin
        assert manager.stdout
        first, second, other = map(int, manager.stdout.readline().split())
        children = Path(f"/proc/{second}/task/{second}/children")
        assert until(lambda: children.read_text() != "")
        [grandchild] = map(int, children.read_text().split())
        for server in ("gunicorn", "granian"):
            assert is_worker(first, manager.pid, server)
            assert is_worker(second, manager.pid, server)
            assert not is_worker(manager.pid, manager.pid, server)
            assert not is_worker(other, manager.pid, server)
            assert not is_worker(grandchild, manager.pid, server)
        # uvicorn makes its own by "spawn": a fork is the application's.
        assert not is_worker(first, manager.pid, "uvicorn")
        assert process(first, manager.pid, "gunicorn")["kind"] == "worker"
        assert process(manager.pid, manager.pid, "gunicorn")["kind"] == "main"
        # What a fork has not written to is its manager's as well.
        assert private_kilobytes(first) < pss_kilobytes(manager.pid)
        manager.stdin.close()
    assert not is_worker(first, manager.pid, "gunicorn")


@pytest.mark.parametrize(
    ("title", "is_one"),
    [
        ("gunicorn: worker [main:app]", True),
        ("gunicorn: master [main:app]", False),
        ("granian asgi 127.0.0.1:8001 /etc/homeport/x/homeport_asgi.py:app worker-2", True),
        ("granian asgi 127.0.0.1:8001 /etc/homeport/x/homeport_asgi.py:app", False),
        ("/srv/x/.venv/bin/python\0/srv/x/.venv/bin/gunicorn\0main:app", False),
    ],
)
def test_a_worker_is_known_by_its_title_where_it_has_one(title: str, is_one: bool) -> None:
    assert bool(TITLE.match(title)) is is_one


def test_private_memory_is_what_no_other_process_has() -> None:
    text = "Rss: 900 kB\nPss: 412 kB\nPrivate_Clean: 10 kB\nPrivate_Dirty: 20 kB\nPrivate_Hugetlb: 3 kB\n"
    assert parse_private(text) == 33
    assert private_kilobytes(0) == 0


def test_memory_is_counted_as_the_share_of_the_process() -> None:
    assert parse_pss("55d0-7ffd ---p 0 00:00 0 [rollup]\nRss: 900 kB\nPss:          412 kB\nPss_Dirty: 7 kB\n") == 412
    assert pss_kilobytes(os.getpid()) > 1000
    assert pss_kilobytes(0) == 0


def test_a_unit_that_does_not_run_has_no_members() -> None:
    assert process_ids("") == []
    assert process_ids("/system.slice/nothing.service") == []


def test_a_file_is_written_whole_with_its_mode(tmp_path: "os.PathLike[str]") -> None:
    path = Path(tmp_path) / "x"
    write(path, b"old")
    write(path, b"new", 0o600)

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["x"]
    remove(path)
    remove(path)
    assert not path.exists()
