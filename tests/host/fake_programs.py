"""systemd, nft and sshd as the host program meets them, without any of them: what is up, and what was asked.

That systemd answers the same is shown on a machine, by tests/lab/test_lockout (`TALK`).
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

# Commands, each with the status and the words that systemd answers with; `{command}` is any that ends at once.
TALK = (
    ("systemctl is-active talk.timer talk.service", 3, "inactive inactive"),
    ("systemctl stop talk.timer", 5, ""),
    ("systemd-run --quiet --unit=talk --on-active=600 {command}", 0, ""),
    ("systemctl is-active talk.timer talk.service", 0, "active inactive"),
    ("systemd-run --quiet --unit=talk --on-active=600 {command}", 1, ""),
    ("systemctl stop talk.timer", 0, ""),
    ("systemctl is-active talk.timer talk.service", 3, "inactive inactive"),
)


@dataclass
class ServiceManager:
    """Stands in for `units.run`; `refusing` has what a program says that refuses, by its name."""

    active: set[str] = field(default_factory=lambda: {"ssh.service"})
    refusing: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Do as the command says, as far as what is known here is concerned."""
        self.asked.append(command)
        programs = [Path(word).name for word in command if word.startswith("/")]
        for name in (Path(command[0]).name, *programs):
            if name in self.refusing:
                return subprocess.CompletedProcess(command, 1, "", self.refusing[name])
        status, said = 0, ""
        if command[0] == "systemd-run":
            [unit] = [word.partition("=")[2] for word in command if word.startswith("--unit=")]
            status = int(f"{unit}.timer" in self.active)
            self.active.add(f"{unit}.timer")
        elif command[:2] == ("systemctl", "is-active"):
            said = "".join(f"{'active' if unit in self.active else 'inactive'}\n" for unit in command[2:])
            status = 0 if self.active.intersection(command[2:]) else 3
        elif command[:2] == ("systemctl", "stop"):
            status = 0 if self.active.issuperset(command[2:]) else 5
            self.active.difference_update(command[2:])
        return subprocess.CompletedProcess(command, status, said, "")

    def was_asked(self, *words: str) -> bool:
        """Tell whether a command began with these words."""
        return any(command[: len(words)] == words for command in self.asked)
