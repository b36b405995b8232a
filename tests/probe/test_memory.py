"""What counts as a process that was killed for its memory, by the journal's lines."""

from __future__ import annotations

import pytest

from homeport.probe.memory import DIED, KILLED


@pytest.mark.parametrize(
    ("line", "kill", "death"),
    [
        ("Out of memory: Killed process 812 (python)", True, False),
        ("notes@blue.service: A process of this unit has been killed by the OOM killer.", True, False),
        ("INFO:     Child process [812] died", False, True),
        # gunicorn guesses, also of a worker that it has killed itself.
        ("[ERROR] Worker (pid:812) was sent SIGKILL! Perhaps out of memory?", False, True),
        ("[INFO] Worker (pid:812) was sent SIGTERM!", False, False),
        ("[ERROR] Unexpected exit from worker-2", False, True),
        ("the application knows of no memory", False, False),
    ],
)
def test_a_kill_is_what_the_kernel_or_systemd_says_and_a_death_what_a_manager_sees(
    line: str, kill: bool, death: bool
) -> None:
    assert bool(KILLED.search(line)) is kill
    assert bool(DIED.search(line)) is death
