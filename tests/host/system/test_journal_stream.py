"""A process's output goes to the journal with the unit that it is of, whoever has ended by the time it is read."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from homeport.host.system import journal_stream


def test_a_line_comes_after_the_name_and_the_unit_that_it_is_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_stream, "SOCKET", str(tmp_path / "stdout"))
    with socket.socket(socket.AF_UNIX) as journal:
        journal.bind(journal_stream.SOCKET)
        journal.listen()
        with journal_stream.opened("migrate", "notes-migrate:blue.scope") as stream:
            subprocess.run(["echo", "the table is locked"], stdout=stream.fileno(), check=True)
        accepted, _ = journal.accept()
        with accepted, accepted.makefile() as lines:
            # The order of journald's own protocol (systemd, src/journal/journald-stream.c).
            assert lines.read().splitlines() == [
                *("migrate", "notes-migrate:blue.scope", "6", "1", "0", "0", "0"),
                "the table is locked",
            ]
