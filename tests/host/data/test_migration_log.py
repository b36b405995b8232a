"""What is kept of a migration."""

from __future__ import annotations

from pathlib import Path

from homeport.host.data import migration_log
from homeport.host.services.release_description import Health, Release
from homeport.host.system.layout import Layout

FAILED = {"ActiveState": "failed", "Result": "exit-code", "ExecMainCode": "1", "ExecMainStatus": "3"}


def test_a_run_has_its_time_its_end_and_its_own_lines() -> None:
    lines = [("systemd", "Starting"), ("sh", "one"), ("sh", "two"), ("systemd", "Finished")]

    text = migration_log.entry("2026-01-02T03:04:05Z", "blue", migration_log.outcome(FAILED, lines), lines)

    assert text == "--- 2026-01-02T03:04:05Z slot blue: the migration failed (status 3)\none\ntwo\n"


def test_runs_are_appended_and_readable_by_the_applications_group_alone(tmp_path: Path) -> None:
    (tmp_path / "env").touch()
    release = Release("r1", tmp_path, {}, Health("/", 200, 1, 9), 1, has_migration=True)

    for text in ("first\n", "second\n"):
        migration_log.append(Layout("notes", tmp_path), release, text)

    kept = tmp_path / "migration.log"
    assert kept.read_text() == "first\nsecond\n"
    assert kept.stat().st_mode & 0o777 == 0o640
    assert kept.stat().st_gid == (tmp_path / "env").stat().st_gid
