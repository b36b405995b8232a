"""What a Dockerfile proposes: also one on the deprecated image that starts gunicorn by variables."""

from __future__ import annotations

import pytest

from homeport.scaffold.foreign.docker_lines import chain, instructions, stages

from .given import foreign, proposed

USUAL = """# syntax=docker/dockerfile:1
FROM node:22 AS web
RUN npm ci && npm run build

FROM python:3.12-slim AS base
ENV PYTHONUNBUFFERED=1 \\
    # said of the image
    LOG_FORMAT=json API_KEY=sk-1234567890abcdef1234 \\
    CACHE_URL=redis://:hunter2@cache:6379/0
RUN --mount=type=cache,target=/root/.cache apt-get update && apt-get install -y --no-install-recommends \\
    libpq5=15.* curl gcc ffmpeg && rm -rf /var/lib/apt/lists/*

FROM base
COPY --from=web /dist /srv/static
HEALTHCHECK --interval=5s CMD curl -fsS http://localhost:8000/api/live || exit 1
VOLUME /srv/data
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "8000", "--workers", "3", "--root-path", "/api"]
"""


def test_a_usual_dockerfile_proposes_what_it_says() -> None:
    assert proposed({"Dockerfile": USUAL}) == {
        "server": "uvicorn",
        "app_entrypoint": "app.main:app",
        "workers": 3,
        "packages": ["ffmpeg", "libpq5"],
        "health_path": "/api/live",
        "python_version": "3.12",
        "environment": {"LOG_FORMAT": "json"},
    }


def test_what_it_does_not_take_is_listed_with_its_line() -> None:
    found = foreign({"Dockerfile": USUAL})
    assert found.variables == ("API_KEY", "CACHE_URL")
    assert found.notes == (
        "Dockerfile:3: 'npm run build' builds what git does not have, copied to /srv/static: build_commands and "
        "release_include do that",
        "Dockerfile:16: VOLUME /srv/data: what is kept belongs into state_paths, or into $STATE_DIRECTORY",
        "Dockerfile:17: --root-path /api has no setting: FastAPI(root_path=…) in the code says it",
    )


def test_no_value_of_a_secret_is_anywhere_in_what_comes_out() -> None:
    shown = repr(foreign({"Dockerfile": USUAL}))
    assert "hunter2" not in shown
    assert "sk-1234" not in shown


TIANGOLO = "FROM tiangolo/uvicorn-gunicorn-fastapi:python3.9\nCOPY ./app /app/app\n"


def test_the_deprecated_image_serves_its_usual_module_and_runs_its_prestart_script() -> None:
    script = "#! /usr/bin/env bash\n\n# wait\nsleep 10;\nalembic upgrade head\npython app/initial_data.py\n"
    files = {"Dockerfile": TIANGOLO, "prestart.sh": script, "app/initial_data.py": "", "alembic.ini": ""}
    assert proposed(files) == {
        "server": "gunicorn",
        "app_entrypoint": "app.main:app",
        "python_version": "3.9",
        "migrate_command": ["alembic upgrade head", "python app/initial_data.py"],
    }
    assert foreign(files).notes == (
        "Dockerfile:1: the image is deprecated, and brought FastAPI, uvicorn and gunicorn: the dependencies must",
    )


@pytest.mark.parametrize(
    ("variables", "entry", "workers"),
    [
        ("ENV MODULE_NAME=app.shop\n", "app.shop:app", None),
        ("ENV MODULE_NAME=app.shop VARIABLE_NAME=api\nENV WEB_CONCURRENCY 4\n", "app.shop:api", 4),
        ('ENV APP_MODULE="app.shop:api" MODULE_NAME=app.main\n', "app.shop:api", None),
    ],
)
def test_its_variables_say_what_is_served(variables: str, entry: str, workers: int | None) -> None:
    found = proposed({"Dockerfile": TIANGOLO + variables, "app/shop.py": ""})
    assert (found["app_entrypoint"], found.get("workers")) == (entry, workers)
    assert "environment" not in found


def test_a_server_that_the_dependencies_do_not_bring_is_not_proposed() -> None:
    found = foreign({"Dockerfile": TIANGOLO}, servers=("fastapi",))
    assert found.get("server") == "fastapi"
    assert found.get("app_entrypoint") == "app/main.py"
    assert "gunicorn is not taken: the dependencies do not bring what homeport runs it with; fastapi is run" in str(
        found.notes
    )


@pytest.mark.parametrize(
    ("command", "entry"),
    [
        ('CMD ["fastapi", "run", "app/main.py", "--workers", "2"]', "app/main.py"),
        ("CMD exec uvicorn app.main:app --port ${PORT:-8000}", "app.main:app"),
        ('CMD ["sh", "-c", "alembic upgrade head && exec uvicorn app.main:app"]', "app.main:app"),
        ('CMD ["uv", "run", "--no-dev", "uvicorn", "app.main:app"]', "app.main:app"),
        ('CMD ["python", "-m", "uvicorn", "main:app", "--app-dir", "app"]', "app/main.py"),
        (
            'ENTRYPOINT ["tini", "--"]\nCMD ["gunicorn", "-k", "uvicorn.workers.UvicornWorker", "app.main:app"]',
            "app.main:app",
        ),
        ('CMD ["uvicorn", "--factory", "app.made:create"]', "app.made:create()"),
        ('CMD ["/app/start.sh"]', "app.main:app"),
        ('ENTRYPOINT ["/entry.sh"]\nCMD ["uvicorn", "app.main:app"]', "app.main:app"),
        ('CMD ["python", "run.py"]', "app.main:app"),
        ('CMD ["hypercorn", "app.main:app"]', "app.main:app"),
    ],
)
def test_the_entry_point_is_found_behind_what_is_around_it(command: str, entry: str) -> None:
    files = {
        "Dockerfile": f"FROM python:3.11\n{command}\n",
        "app/made.py": "",
        "start.sh": '#!/bin/sh\nMODULE=${MODULE:-app.main}\nexport APP="$MODULE:app"\nexec uvicorn "$APP"\n',
        "entry.sh": '#!/bin/sh\nif [ "$WAIT" ]; then sleep 5; fi\nexec "$@"\n',
        "run.py": 'import uvicorn\nif __name__ == "__main__":\n    uvicorn.run("app.main:app", port=80, workers=2)\n',
    }
    assert proposed(files)["app_entrypoint"] == entry


def test_a_command_whose_module_is_not_there_is_listed() -> None:
    found = foreign({"Dockerfile": 'FROM python:3.11\nCMD ["uvicorn", "gone.main:app"]\n'})
    assert found.get("app_entrypoint") is None
    assert found.notes == ("Dockerfile:2: uvicorn serves gone.main, which is not among the application's files",)


def test_gunicorns_options_are_settings_where_gunicorn_is_run() -> None:
    line = (
        "CMD gunicorn app.main:app -w4 -k uvicorn.workers.UvicornWorker -t 120 --max-requests=1000 --preload -c c.py\n"
    )
    found = foreign({"Dockerfile": f"FROM python:3.11\n{line}"})
    assert [found.get(name) for name in ("workers", "worker_timeout_seconds", "max_requests", "server_preload")] == [
        *(4, 120, 1000, True)
    ]
    assert found.notes == ("Dockerfile:2: the option -c of gunicorn has no setting",)
    found = foreign({"Dockerfile": f"FROM python:3.11\n{line}"}, servers=("fastapi",))
    assert (found.get("workers"), found.get("worker_timeout_seconds")) == (4, None)
    assert "Dockerfile:2: worker_timeout_seconds = 120 was for gunicorn, and fastapi is run" in found.notes


def test_of_several_stages_the_last_counts_with_those_below_it() -> None:
    found = stages("FROM a AS one\nFROM one AS two\nFROM x AS three\nFROM two\n")
    assert [stage.base for stage in chain(found)] == ["two", "one", "a"]
    assert [stage.base for stage in chain(found, "three")] == ["x"]


def test_lines_that_go_on_and_texts_within_a_file_are_one_instruction() -> None:
    text = "FROM a\nRUN one \\\n  # no\n  two\nRUN <<EOF\nthree\nEOF\nCMD x\n"
    found = list(instructions(text))
    assert [(one.name, one.line) for one in found] == [("FROM", 1), ("RUN", 2), ("RUN", 5), ("CMD", 8)]
    assert found[1].text.split() == ["one", "two"]
    assert "three" in found[2].text


def test_a_command_that_starts_no_known_server_is_run_nowhere() -> None:
    found = foreign({"Dockerfile": "FROM python:3.13\nCMD dispatch server start app.main:app\n"})
    assert [one.name for one in found.settings] == ["python_version"]
    assert found.notes == (
        "Dockerfile:2: 'dispatch server start app.main:app' is not taken: it starts no server that is known",
    )


def test_of_several_dockerfiles_the_applications_own_is_read() -> None:
    one = 'FROM python:3.13\nCMD ["uvicorn", "app.main:app", "--workers", "2"]\n'
    files = {
        "Dockerfile.dev": one.replace("2", "8"),
        "docker/a/Dockerfile": one.replace("2", "3"),
        "docker/b/Dockerfile": one.replace("app.main", "other.main"),
        "docker/template.dockerfile": one,
        "frontend/Dockerfile": "FROM node\nCMD npm start\n",
    }
    found = foreign(files)
    assert found.get("workers") == 3
    assert found.notes == ("docker/b/Dockerfile: not taken: it is for another server (other.main)",)
    assert foreign({**files, "Dockerfile": one}).get("workers") == 2


@pytest.mark.parametrize(
    "imported", ["import uvicorn\nuvicorn.run(", "import uvicorn as u\nu.run(", "from uvicorn import run as r\nr("]
)
def test_a_module_that_runs_uvicorn_by_itself_is_read(imported: str) -> None:
    files = {
        "Dockerfile": "FROM python:3.13\nCMD ./startup.sh\n",
        "startup.sh": "alembic upgrade head\npython3 app/main.py",
    }
    text = f"from fastapi import FastAPI\napp = FastAPI()\n{imported}app, host='0.0.0.0', workers=3)\n"
    found = foreign({**files, "app/main.py": text, "x/alembic.ini": ""})
    assert [found.get(name) for name in ("app_entrypoint", "workers", "migrate_command")] == [
        *("app/main.py", 3, "alembic upgrade head")
    ]


def test_a_migration_is_taken_also_where_no_server_is_known() -> None:
    found = foreign({"Dockerfile": 'FROM python:3.13\nCMD sh -c "python -m app.migrate && ./serve"\n'})
    assert found.get("migrate_command") == "python -m app.migrate"
    assert found.notes == ("Dockerfile:2: './serve' is not taken: it starts no server that is known",)
