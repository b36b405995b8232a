"""Which code starts work in each worker of a server."""

from __future__ import annotations

import pytest

from homeport.source.background_work import background_work

APS = "from apscheduler.schedulers.asyncio import AsyncIOScheduler\nscheduler = AsyncIOScheduler()\n"


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        (APS, "APScheduler", 2),
        ("import apscheduler.schedulers.background as x\ns = x.BackgroundScheduler(daemon=True)\n", "APScheduler", 2),
        ("import apscheduler\ns = apscheduler.schedulers.background.BackgroundScheduler()\n", "APScheduler", 2),
        ("from fastapi_utils.tasks import repeat_every\n\n@repeat_every(seconds=5)\ndef a(): ...\n", "repeat_every", 3),
        ("from fastapi_utilities import repeat_at as at\n@at(cron='* * * * *')\nasync def a(): ...\n", "repeat_at", 2),
        ("from rocketry import Rocketry\ndef make():\n    return Rocketry()\n", "Rocketry", 3),
    ],
)
def test_a_scheduler_is_found_by_where_it_is_imported_from(text: str, name: str, line: int) -> None:
    [found] = background_work({"app/main.py": text})
    assert (found.path, found.line, found.name) == ("app/main.py", line, name)
    assert found.warning() == (
        f"app/main.py:{line} starts background work ({name}) in each worker, so that a job runs once for each worker: "
        "set workers = 1, or start it in a command of its own (processes)"
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app/main.py", "from apscheduler.triggers.cron import CronTrigger\nCronTrigger()\n"),
        ("app/main.py", "# apscheduler\nclass BackgroundScheduler: ...\nBackgroundScheduler()\n"),
        ("app/main.py", "from app.own import repeat_every\n# fastapi_utils\n@repeat_every()\ndef a(): ...\n"),
        ("app/main.py", "from apscheduler.schedulers.asyncio import AsyncIOScheduler\n"),
        ("app/main.py", f"{APS}def (\n"),
        ("tests/test_jobs.py", APS),
        ("docs/example.py", APS),
    ],
)
def test_what_starts_nothing_in_the_server_is_none(path: str, text: str) -> None:
    assert background_work({path: text}) == ()


@pytest.mark.parametrize(
    "command", ["python -m app.jobs", "python app/jobs.py", "arq app.jobs.Settings", "celery -A app.jobs worker"]
)
def test_a_module_that_a_process_of_its_own_runs_is_none(command: str) -> None:
    assert background_work({"app/jobs.py": APS}, ["true", command]) == ()
    assert background_work({"app/other.py": APS}, ["true", command]) != ()
