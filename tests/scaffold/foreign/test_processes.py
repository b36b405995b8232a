"""What runs before the server and beside it, as files of other tools and scripts by their names say."""

from __future__ import annotations

import pytest

from .given import foreign, proposed

SERVER = "FROM python:3.13\nCMD uvicorn app.main:app\n"
PRESTART = "#! /usr/bin/env bash\nset -e\npython app/wait.py\nalembic upgrade head\npython app/first_data.py\n"
SCRIPTS = {"app/wait.py": "", "app/first_data.py": "", "alembic.ini": ""}
COMPOSE = """services:
  web:
    build: .
    command: uvicorn app.main:app
  worker:
    build: .
    command: celery -A app.jobs worker --logfile=logs/celery.log
  dashboard:
    build: .
    command: celery --broker=redis://redis:6379/0 flower
  redis:
    image: redis
"""


@pytest.mark.parametrize("path", ["prestart.sh", "scripts/prestart.sh"])
def test_a_prestart_script_that_no_file_names_is_the_migration(path: str) -> None:
    found = proposed({"Dockerfile": SERVER, path: PRESTART, **SCRIPTS})
    assert found["migrate_command"] == ["python app/wait.py", "alembic upgrade head", "python app/first_data.py"]


def test_what_the_image_runs_before_its_server_counts_more_than_that() -> None:
    image = "FROM python:3.13\nCMD alembic upgrade head && uvicorn app.main:app\n"
    found = proposed({"Dockerfile": image, "scripts/prestart.sh": PRESTART, **SCRIPTS})
    assert "migrate_command" not in found


def test_a_process_whose_command_names_a_container_is_listed() -> None:
    found = foreign({"Dockerfile": SERVER, "compose.yaml": COMPOSE})
    assert found.get("processes") == {"worker": "celery -A app.jobs worker --logfile=logs/celery.log"}
    assert (
        "compose.yaml:10: 'celery --broker=redis://redis:6379/0 flower' is not taken: redis is the name of a container"
    ) in found.notes


def test_the_folder_of_a_process_s_log_may_be_written_to() -> None:
    assert proposed({"Dockerfile": SERVER, "compose.yaml": COMPOSE})["state_paths"] == ["logs"]
    elsewhere = COMPOSE.replace("logs/celery.log", "/tmp/celery.log")
    assert "state_paths" not in proposed({"Dockerfile": SERVER, "compose.yaml": elsewhere})


def test_what_a_procfile_runs_for_developing_is_no_process() -> None:
    found = foreign(
        {"Procfile": "web: uvicorn app.main:app\ndb: docker run redis\ncss: poetry run poe css\nw: rq worker\n"}
    )
    assert found.get("processes") == {"w": "rq worker"}
    assert "Procfile:2: 'docker run redis' is not taken: what it runs is said elsewhere" in found.notes
