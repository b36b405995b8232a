"""What a Procfile, a systemd unit and a configuration of Supervisor propose."""

from __future__ import annotations

import pytest

from .given import foreign

PROCFILE = """# Heroku
release: alembic upgrade head
web: gunicorn app.main:app -w ${WEB_CONCURRENCY:-3} -k uvicorn.workers.UvicornWorker --bind 0.0.0.0:$PORT
worker: celery -A app.work worker
proxy: ./bin/traefik --configFile=x.toml
stats: uvicorn other.main:app
what is this
"""
UNIT = """[Unit]
Description=Shop
[Service]
User=shop
WorkingDirectory=/opt/shop
Environment="STAGE=production" "SECRET_KEY=hunter2hunter2"
EnvironmentFile=-/etc/shop.env
ExecStartPre=/opt/shop/venv/bin/alembic upgrade head
ExecStart=/opt/shop/venv/bin/uvicorn app.main:app --uds /run/shop.sock \\
    --workers 2
TimeoutStopSec=1min
MemoryMax=1G
LimitNOFILE=65536
Restart=always
[Install]
WantedBy=multi-user.target
"""
SUPERVISOR = """[supervisord]
nodaemon=true
[program:web]
command=/opt/venv/bin/gunicorn app.main:app -w 2 -k uvicorn.workers.UvicornWorker
environment=STAGE="production",
    TOKEN="hunter2"
stopwaitsecs=20
serialize=true
[program:worker]
command=celery -A app.work worker
[program:nginx]
command=nginx -g "daemon off;"
"""


def test_a_procfile_says_server_migration_and_processes() -> None:
    found = foreign({"Procfile": PROCFILE, "db/alembic.ini": ""})
    assert {one.name: one.value for one in found.settings} == {
        "server": "gunicorn",
        "app_entrypoint": "app.main:app",
        "workers": 3,
        "migrate_command": "alembic upgrade head",
        "processes": {"worker": "celery -A app.work worker"},
    }
    assert found.notes == (
        "Procfile:5: './bin/traefik --configFile=x.toml' is not taken: it is no part of the application",
        "Procfile:6: stats is another server (other.main): an application of its own",
        "Procfile:7: the line is not understood",
    )


@pytest.mark.parametrize(
    ("text", "expected"), [("python-3.8.9\n", "3.8"), ("python-3.12", "3.12"), ("pypy3.9-7", None)]
)
def test_the_python_that_heroku_was_told_is_proposed(text: str, expected: str | None) -> None:
    found = foreign({"Procfile": "web: uvicorn app.main:app\n", "runtime.txt": text})
    assert found.get("python_version") == expected
    assert "runtime.txt" in found.files
    assert foreign({"runtime.txt": text}).get("python_version") is None


def test_a_migration_that_homeport_runs_by_itself_is_not_said_again() -> None:
    assert foreign({"Procfile": PROCFILE, "alembic.ini": ""}).get("migrate_command") is None


def test_a_systemd_unit_of_the_project_proposes_what_it_says() -> None:
    found = foreign(
        {"deploy/shop.service": UNIT, "alembic.ini": "", "deploy/other.service": "[Service]\nExecStart=/bin/x\n"}
    )
    assert {one.name: one.value for one in found.settings} == {
        "server": "uvicorn",
        "app_entrypoint": "app.main:app",
        "workers": 2,
        "stop_timeout_seconds": 60,
        "memory_max_megabytes": 1024,
        "environment": {"STAGE": "production"},
    }
    assert found.variables == ("SECRET_KEY",)
    assert found.notes == (
        "deploy/other.service:2: 'x' is not taken: it starts no server; what runs beside one is in processes",
        "deploy/shop.service:7: EnvironmentFile /etc/shop.env is on that machine: what it sets is to be set again",
        "deploy/shop.service:13: LimitNOFILE= has no setting",
    )


def test_a_configuration_of_supervisor_proposes_what_it_says() -> None:
    found = foreign({"docker/supervisord.conf": SUPERVISOR})
    assert {one.name: one.value for one in found.settings} == {
        "server": "gunicorn",
        "app_entrypoint": "app.main:app",
        "workers": 2,
        "stop_timeout_seconds": 20,
        "processes": {"worker": "celery -A app.work worker"},
        "environment": {"STAGE": "production"},
    }
    assert found.variables == ("TOKEN",)
    assert found.notes == (
        "docker/supervisord.conf:8: serialize has no setting",
        "docker/supervisord.conf:12: \"nginx -g 'daemon off;'\" is not taken: it is no part of the application",
    )


def test_kamals_file_comes_before_all_others_and_what_they_say_otherwise_is_listed() -> None:
    kamal = "service: a\nservers: {web: {hosts: [192.0.2.1], cmd: uvicorn app.main:app --workers 7}}\n"
    found = foreign({"config/deploy.yml": kamal, "Procfile": PROCFILE})
    assert (found.get("workers"), found.get("server")) == (7, "uvicorn")
    assert "Procfile:3: workers = 3 is not taken: another file comes first" in found.notes


def test_programs_of_supervisors_that_are_in_files_of_their_own_are_processes_too() -> None:
    worker = "[program:shop_worker]\ndirectory=/srv/app\ncommand=/usr/local/bin/celery -A app.work worker\n"
    web = "[program:web]\ndirectory=/srv\ncommand=/usr/local/bin/uvicorn app.main:app\n"
    found = foreign({"supervisor/a.conf": worker, "supervisor/web.conf": web})
    assert found.get("processes") == {"shop-worker": "celery -A app.work worker"}
    assert found.notes == ("supervisor/a.conf:2: directory=/srv/app: commands run in the application's folder",)


def test_programs_without_a_server_beside_them_are_listed_and_not_taken() -> None:
    found = foreign({"supervisor/a.conf": "[program:worker]\ncommand=celery -A app.work worker\n"})
    assert found.get("processes") is None
    assert found.notes == (
        "supervisor/a.conf:2: 'celery -A app.work worker' is not taken: no program of Supervisor's is a server for "
        "FastAPI that is known",
    )
