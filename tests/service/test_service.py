"""A release as neutral data, and what no rendering of it may lose or show."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from homeport.servers import ServerChoice
from homeport.service.describe import describe
from homeport.service.model import Health, Limits, Migration, Process, Schedule, Step
from homeport.service.renderers import systemd
from tests.service.kept_units import BEFORE_START, PROCESSES, Case, context
from tests.state.builders import SECRET

WHOLE = Case(
    {
        **PROCESSES,
        "before_start": BEFORE_START,
        "environment": {"B": "2", "A": "1"},
        "memory_max_megabytes": 512,
        "cpu_max": 2,
        "stop_timeout_seconds": 40,
        "sandbox_writable_paths": ["/mnt/uploads"],
    }
)


def test_a_service_has_all_that_a_release_runs_and_the_names_of_its_secrets_alone() -> None:
    service = describe(context(WHOLE), "r1", workers=3)
    assert (service.app, service.release, service.serving.workers) == ("notes", "r1", 3)
    assert service.environment == (("A", "1"), ("B", "2"))
    assert service.secret_names == ("TOKEN",)
    assert SECRET not in repr(service)
    assert service.state_directory == "/var/lib/notes"
    assert service.health == Health("/health", 200, 2, 60)
    assert service.limits == Limits(512, None, 2.0, "continue")
    assert service.migration == Migration(None, 300, "here")
    assert service.before_start[0] == Step("./fetch 'a model'", 120)
    assert service.processes[1] == Process("mail", "A=1 ./mail | tee log", 90)
    assert service.schedules == (Schedule("digest", 'echo 100% "$HOME"', "*-*-* 03:10", 60),)
    assert (service.stop_signal, service.stop_timeout_seconds) == ("SIGTERM", 40)
    assert service.sandbox.writable_paths == ("/mnt/uploads",)


def test_a_service_does_not_change() -> None:
    service = describe(context(Case()), "r1", workers=1)
    with pytest.raises(FrozenInstanceError):
        service.release = "r2"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("case", "where"),
    [(Case(), "here"), (Case(migrates=False), "elsewhere"), (Case(alembic=False), "nowhere")],
)
def test_a_migration_is_run_here_elsewhere_or_nowhere(case: Case, where: str) -> None:
    service = describe(context(case), "r1", workers=1)
    assert service.migration.where == where
    assert ("migrate.service" in systemd.units(service, context(case).render)) == (where == "here")


def test_the_settings_that_a_server_alone_has_reach_it() -> None:
    case = Case({"server": "gunicorn", "server_preload": True, "max_requests": 50}, entrypoint=("app:app",))
    service = describe(context(case), "r1", workers=2)
    assert service.serving.choice == ServerChoice("gunicorn", max_requests=50, server_preload=True)


@pytest.mark.parametrize(
    ("case", "file", "word"),
    [
        (Case({"server": "gunicorn"}, entrypoint=("app:app()",)), "gunicorn.py", '"app:app()" --bind 127.0.0.1:'),
        (Case({"server": "granian"}, entrypoint=("app:app",)), "homeport_asgi.py", "homeport_asgi.py:app --host "),
        (Case({"server": "hypercorn"}, entrypoint=("app:app",)), "hypercorn.toml", "homeport_asgi.py:app --bind "),
    ],
)
def test_a_servers_file_goes_with_the_release_and_the_unit_names_it(case: Case, file: str, word: str) -> None:
    files = systemd.units(describe(context(case), "r1", workers=2), context(case).render)
    start = next(line for line in files["app.service"].splitlines() if line.startswith("ExecStart="))
    assert "release r1" in files[file]
    assert f"/etc/homeport/notes/slots/%i/{file}" in start
    assert word in start
    assert "${HOMEPORT_PORT}" in start
    assert "@" not in start
