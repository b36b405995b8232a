"""Processes and their memory."""

import os

from homeport.host.system.atomic import remove, write
from homeport.host.system.unit_processes import kind, members, parse_pss, pss_kilobytes

WORKER = "/srv/x/.venv/bin/python\0-c\0from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5)"


def test_workers_are_told_from_the_manager_and_its_helpers() -> None:
    assert kind(WORKER, is_main=False) == "worker"
    assert kind("python\0fastapi\0run", is_main=True) == "main"
    assert kind("python\0-c\0from multiprocessing.resource_tracker import main", is_main=False) == "other"


def test_memory_is_counted_as_the_share_of_the_process() -> None:
    assert parse_pss("55d0-7ffd ---p 0 00:00 0 [rollup]\nRss: 900 kB\nPss:          412 kB\nPss_Dirty: 7 kB\n") == 412
    assert pss_kilobytes(os.getpid()) > 1000
    assert pss_kilobytes(0) == 0


def test_a_unit_that_does_not_run_has_no_members() -> None:
    assert members("") == []
    assert members("/system.slice/nothing.service") == []


def test_a_file_is_written_whole_with_its_mode(tmp_path: "os.PathLike[str]") -> None:
    from pathlib import Path

    path = Path(tmp_path) / "x"
    write(path, b"old")
    write(path, b"new", 0o600)

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["x"]
    remove(path)
    remove(path)
    assert not path.exists()
