"""A machine that serves, made ill in one way after another, and what the doctor says of it.

A test file has a module-level `faults = Faults()`, registers its faults in it, and gives a machine of its own.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from _pytest.mark import ParameterSet

from homeport.lab import Lab
from tests.lab.commands import homeport, settle_data
from tests.lab.project import REPOSITORY, Project, Seen
from tests.lab.seasoned import Seasoned

SCHEMA = json.loads((REPOSITORY / "homeport/cli/schemas/doctor.json").read_text())
UNIT = "notes@blue.service"
LENT = ("memory_tight",)
PASSWORD = secrets.token_hex(8)
LEAK = """

LEAKED = []


@app.get("/leak")
def leak() -> None:
    while True:
        LEAKED.append(b"x" * 2**20)
"""


@dataclass
class Patient:
    """A machine that serves, and the project that has deployed to it."""

    project: Project
    seen: Seen

    @classmethod
    def create(cls, lab: Lab, folder: Path, seasoned: Seasoned, name: str) -> Patient:
        """Make a machine with the example that has a database, a process beside it, and a leak."""
        host = seasoned.add(name)
        project = Project.create(folder / "project", lab, "notes")
        project.write("main.py", (project.app / "main.py").read_text() + LEAK)
        settle_data(project, workers=2, watch_seconds=0, migrate_on=name, processes={"queue": "sleep infinity"})
        project.deployed(host)
        return cls(project, Seen(lab, host))

    @property
    def command(self) -> tuple[str, ...]:
        """The command that examines this machine."""
        return ("doctor", "lab", "--limit", self.seen.host.name)

    def ask(self) -> list[dict[str, Any]]:
        """Return the findings; have the answer be as published and without secrets, and the exit status honest."""
        result = homeport(self.project, *self.command, "--json")
        assert result.returncode in (0, 1), result.stdout
        assert PASSWORD not in result.stdout
        document = json.loads(result.stdout)
        jsonschema.validate(document, SCHEMA)
        [host] = document
        findings: list[dict[str, Any]] = host["findings"]
        assert result.returncode == int(any(one["severity"] == "trouble" for one in findings))
        assert all((one["severity"] == "trouble") == (one["level"] == "trouble") for one in findings)
        # Memory and disk are those of the computer that the tests run on, which may have much to do.
        return [one for one in findings if one["id"] not in LENT]

    def named(self, cause: str) -> dict[str, Any]:
        """Have the doctor name this cause alone, whatever follows from it; return the finding."""
        findings = self.ask()
        assert [one["id"] for one in findings if one["because"] is None] == [cause], findings
        assert all(one["because"] == cause for one in findings[1:]), findings
        return findings[0]

    def restart(self) -> None:
        """Have the application up again, whatever state it was in."""
        self.seen.shell(f"systemctl reset-failed; systemctl restart {UNIT}")


Steps = Callable[[Patient], Iterator[None]]


@dataclass
class Faults:
    """Faults by name: a function that brings one about, yields, and undoes it; the cause to be named, and a word."""

    known: dict[str, tuple[str, str, Steps]] = field(default_factory=dict)

    def add(self, cause: str, evidence: str) -> Callable[[Steps], Steps]:
        """Register a fault: the finding that names it, and words of its problem or evidence."""

        def register(steps: Steps) -> Steps:
            self.known[steps.__name__] = (cause, evidence, steps)
            return steps

        return register

    def sampled(self, *always: str) -> list[str | ParameterSet]:
        """Return the names for `parametrize`: `make test` tries these each time, and a sample of the others. What
        follows from what is read is shown for each finding by tests/diagnosis.
        """
        assert set(always) <= set(self.known)
        return [name if name in always else pytest.param(name, marks=pytest.mark.sampled) for name in self.known]

    def is_named(self, name: str, patient: Patient) -> None:
        """Bring the fault about, have the doctor name it and nothing else, and undo it whatever the doctor said."""
        cause, evidence, steps = self.known[name]
        with _undone(steps, patient):
            found = patient.named(cause)
        assert evidence in f"{found['problem']} {found['evidence']}"
        assert found["fix"]


@contextmanager
def _undone(steps: Steps, patient: Patient) -> Generator[None, None, None]:
    walk = steps(patient)
    next(walk)
    try:
        yield
    finally:
        next(walk, None)
