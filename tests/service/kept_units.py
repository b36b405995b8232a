"""Releases of many shapes, and what homeport wrote for them before units were rendered from a `Service`.

`python -m tests.service.kept_units` writes the files below kept/ anew, which is right only where a change of all units
is meant and named in the changelog.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from homeport.service.release import wanted_release
from homeport.service.units import processors, release_units
from homeport.state.snapshot import MachineFound
from homeport.steps.context import Context
from tests.state.builders import SECRET, make_settings, make_source

KEPT = Path(__file__).with_name("kept")
OVERRIDES = Path(__file__).with_name("overrides")
PROCESSES: dict[str, Any] = {
    "processes": {
        "worker": "python -m app.worker",
        "mail": {"command": "A=1 ./mail | tee log", "stop_timeout_seconds": 90},
    },
    "timers": {"digest": {"command": 'echo 100% "$HOME"', "schedule": "*-*-* 03:10", "timeout_seconds": 60}},
}
BEFORE_START = [{"command": "./fetch 'a model'", "timeout_seconds": 120}, "until nc -z db 5432; do sleep 1; done"]


class Case(NamedTuple):
    """Settings that differ from the sample's, and what else a release follows from."""

    settings: dict[str, Any] = {}  # noqa: RUF012 - never changed
    entrypoint: tuple[str, ...] = ("main.py",)
    machine: MachineFound = MachineFound(cores=4, memory_megabytes=4096)
    alembic: bool = True
    migrates: bool = True
    overrides: Path | None = None


CASES: dict[str, Case] = {
    "sample": Case(),
    "no-machine-in-particular": Case(machine=MachineFound()),
    "without-migration": Case(alembic=False),
    "migrated-elsewhere": Case(migrates=False),
    "own-migration": Case(
        {"migrate_command": ["./manage 'it is'", "true"], "migrate_timeout_seconds": 7}, alembic=False
    ),
    "uvicorn": Case(
        {"server": "uvicorn", "workers": 4, "worker_timeout_seconds": 30, "max_requests": 1000},
        entrypoint=("app.main:create", "--app-dir", "src", "--factory"),
    ),
    "uvicorn-alone": Case({"server": "uvicorn", "max_requests": 1000}, machine=MachineFound(cores=1)),
    "processes": Case(PROCESSES),
    "before-start": Case({**PROCESSES, "before_start": BEFORE_START}),
    "sandbox-own": Case({**PROCESSES, "sandbox_network": "local", "sandbox_proc": "own"}),
    "sandbox-open": Case(
        {
            "sandbox_network": ["10.0.0.0/8", "2001:db8::1"],
            "sandbox_writable_paths": ["/mnt/uploads", "/srv/shared"],
            "sandbox_devices": ["/dev/nvidia0", "/dev/nvidiactl"],
            "sandbox_jit": True,
            "sandbox_proc": "all",
        }
    ),
    "limits": Case({**PROCESSES, "memory_max_megabytes": 512, "oom_policy": "kill", "cpu_weight": 300, "cpu_max": 1.5}),
    "no-limits": Case({"memory_max_megabytes": None, "access_log": True, "stop_timeout_seconds": 5}),
    "quoting": Case(
        {"health_path": "/h?a=%20&b=$c", "health_status": 204, "health_successes": 1, "health_timeout_seconds": 9},
        entrypoint=("my app/main's.py", "--app", '$100%"\\'),
    ),
    "overrides": Case({**PROCESSES, "before_start": BEFORE_START, "cpu_max": 2}, overrides=OVERRIDES),
}


def context(case: Case) -> Context:
    """Return what the steps are given for a case."""
    settings = make_settings(**case.settings)
    source = replace(make_source(has_alembic=case.alembic), entrypoint=case.entrypoint)
    return Context(
        settings=settings,
        source=source,
        machine=case.machine,
        secrets={"TOKEN": SECRET},
        overrides=case.overrides,
        migrates=case.migrates,
        by="",
    )


def rendered(case: Case) -> str:
    """Return all units of a case's release and its id as one text."""
    given = context(case)
    wanted = wanted_release(given)
    files = release_units(given, wanted.id, wanted.workers)
    files |= {file.path: file.content for file in processors(given).files}
    shown = (f"==> {name}\n{text}" for name, text in files.items())
    return "".join((f"release {wanted.id}, {wanted.workers} workers\n", *shown))


if __name__ == "__main__":
    KEPT.mkdir(exist_ok=True)
    for name, case in CASES.items():
        (KEPT / f"{name}.txt").write_text(rendered(case))
