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


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("flower --port=5555 --basic-auth=admin:hunter2", "--basic-auth"),
        ("worker --api-token hunter2", "--api-token"),
        ("worker --broker=redis://me:hunter2@192.0.2.1/0", "--broker"),
        ("worker redis://me:hunter2@192.0.2.1/0", "one"),
    ],
)
def test_a_command_with_a_secret_in_it_is_listed_without_that(words: str, option: str) -> None:
    found = foreign({"Procfile": f"web: uvicorn app.main:app\nside: celery -A app.work {words}\n"})
    assert found.get("processes") is None
    assert found.notes == (
        f"Procfile:2: the command of celery is not taken: {option} may be a secret, which belongs into a variable",
    )


@pytest.mark.parametrize("words", ["worker --token-check --loglevel=INFO", "worker --broker=redis://127.0.0.1/0"])
def test_a_command_without_a_secret_is_a_process(words: str) -> None:
    found = foreign({"Procfile": f"web: uvicorn app.main:app\nside: celery -A app.work {words}\n"})
    assert found.get("processes") == {"side": f"celery -A app.work {words}"}
