"""A repository with a backend, a frontend that is built, and PostgreSQL on the machine, by what `homeport init` writes.

Its shape is that of FastAPI's full-stack template: a uv workspace, a Dockerfile that builds the frontend first, a
script that waits for the database, migrates it and makes the first data; the application serves the frontend itself.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.lab import Lab
from tests.lab import repositories
from tests.lab.project import UV, Seen
from tests.lab.seasoned import Seasoned
from tests.lab.test_init import Newcomer

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
PASSWORD = "lab-Password1"
BACKEND = """[project]
name = "app"
version = "1"
requires-python = ">=3.11"
dependencies = ["fastapi", "fastapi-cli", "uvicorn", "alembic", "psycopg[binary]", "pydantic-settings"]

[tool.fastapi]
entrypoint = "app.main:app"
"""
CONFIG = """from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    DATABASE_URL: str
    FIRST_ITEM: str


settings = Settings()
"""
MAIN = """from pathlib import Path

import psycopg
from fastapi import FastAPI
from fastapi.responses import FileResponse

from app.config import settings

WEB = Path(__file__).parent / "web"
app = FastAPI()


@app.get("/api/health")
def health() -> dict[str, bool]:
    return {"ok": True}


@app.get("/api/items")
def items() -> list[str]:
    with psycopg.connect(settings.DATABASE_URL) as connection:
        return [text for (text,) in connection.execute("select text from items order by text")]


@app.get("/")
def page() -> FileResponse:
    return FileResponse(WEB / "index.html")
"""
WAIT = "import psycopg\n\nfrom app.config import settings\n\npsycopg.connect(settings.DATABASE_URL).close()\n"
FIRST_DATA = """import psycopg

from app.config import settings

with psycopg.connect(settings.DATABASE_URL) as connection:
    connection.execute("insert into runs default values")
    connection.execute("insert into items values (%s) on conflict do nothing", [settings.FIRST_ITEM])
"""
ENV = """from alembic import context
from app.config import settings
from sqlalchemy import create_engine

url = settings.DATABASE_URL.replace("postgresql:", "postgresql+psycopg:")
with create_engine(url).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    op.execute("create table runs (id serial)")
    op.execute("create table items (text text primary key)")
"""
DOCKERFILE = """FROM node:22 AS web
WORKDIR /app
COPY package.json /app/
COPY frontend/package.json /app/frontend/
WORKDIR /app/frontend
RUN npm install
COPY ./frontend /app/frontend
ARG API_URL=
RUN npm run build

FROM python:3.13
WORKDIR /app/
COPY ./backend/scripts /app/backend/scripts
COPY ./backend/app /app/backend/app
COPY --from=web /app/backend/app/web /app/backend/app/web
WORKDIR /app/backend/
CMD ["fastapi", "run", "--workers", "2"]
"""
COMPOSE = """services:
  db:
    image: postgres:17
  backend:
    build: {context: ., dockerfile: backend/Dockerfile}
    environment:
      DATABASE_URL: postgresql://app:${PASSWORD}@db/app
      FIRST_ITEM: ${FIRST_ITEM}
    healthcheck: {test: ["CMD", "curl", "-f", "http://localhost:8000/api/health"]}
"""
FILES = {
    ".gitignore": "backend/app/web\n",
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["backend"]\n',
    "package.json": '{"private": true, "workspaces": ["frontend"]}\n',
    "compose.yml": COMPOSE,
    "frontend/package.json": '{"name": "frontend", "private": true, "scripts": {"build": "sh build.sh"}}\n',
    "frontend/build.sh": 'mkdir -p ../backend/app/web\necho "<h1>first</h1>$API_URL" >../backend/app/web/index.html\n',
    "backend/pyproject.toml": BACKEND,
    "backend/Dockerfile": DOCKERFILE,
    "backend/alembic.ini": "[alembic]\nscript_location = app/alembic\n",
    "backend/scripts/prestart.sh": "#! /usr/bin/env bash\nset -e\npython app/wait.py\nalembic upgrade head\n"
    "python app/first_data.py\n",
    "backend/app/__init__.py": "",
    "backend/app/config.py": CONFIG,
    "backend/app/main.py": MAIN,
    "backend/app/wait.py": WAIT,
    "backend/app/first_data.py": FIRST_DATA,
    "backend/app/alembic/env.py": ENV,
    "backend/app/alembic/versions/0001_first.py": REVISION,
}
# What npm does with dependencies is its own matter; this runs a package's script, on computers without it, too.
NPM = """#!/bin/sh
[ "$1" = run ] || exit 0
exec sh -c "$(python3 -c 'import json, sys; print(json.load(open("package.json"))["scripts"][sys.argv[1]])' "$2")"
"""
DATABASE = f"""
DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install postgresql >/dev/null
cd / && runuser -u postgres -- psql -q -c "create user app password '{PASSWORD}'" -c "create database app owner app"
"""


@pytest.fixture(scope="module")
def someone(lab: Lab, seasoned: Seasoned, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Somebody with such a repository, and a machine on which PostgreSQL runs."""
    host = seasoned.add("fullstack")
    seen = Seen(lab, host)
    seen.shell(DATABASE)
    folder = tmp_path_factory.mktemp("fullstack")
    _npm(folder / "bin")
    shop = folder / "shop"
    for path, text in FILES.items():
        (shop / path).parent.mkdir(parents=True, exist_ok=True)
        (shop / path).write_text(text)
    subprocess.run([str(UV), "lock", "--quiet"], cwd=shop, check=True)
    repositories.git(shop, "init", "-q", "-b", "main")
    repositories.commit(shop, "first")
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{folder / 'bin'}:{before}"
    yield Newcomer(seen, shop)
    os.environ["PATH"] = before
    lab.remove(host.name)


def _npm(folder: Path) -> None:
    folder.mkdir()
    (folder / "npm").write_text(NPM)
    (folder / "npm").chmod(0o755)


def runs(seen: Seen) -> str:
    """Return how often the script has run."""
    return seen.shell("cd / && runuser -u postgres -- psql -At -d app -c 'select count(*) from runs'")


def page(seen: Seen) -> str:
    return seen.curl("/", "--fail").stdout.strip()


def test_one_command_after_init_and_its_settings_brings_all_of_it(someone: Newcomer) -> None:
    told = someone.homeport("init", "--name", "shop")
    assert "migrations   python app/wait.py; alembic upgrade head; python app/first_data.py" in told
    assert "variables    DATABASE_URL, FIRST_ITEM" in told
    with (someone.repository / "deploy" / "group_data" / "lab.py").open("a") as file:
        file.write('environment = {"FIRST_ITEM": "a pen"}\nsecrets_file = "shop.env"\n')
    (someone.repository / "deploy" / "shop.env").write_text(f"DATABASE_URL=postgresql://app:{PASSWORD}@127.0.0.1/app\n")
    someone.deploy()
    assert page(someone.seen) == "<h1>first</h1>"
    assert someone.seen.get("/api/items") == ["a pen"]
    # Two workers, and the script ran once before them.
    assert runs(someone.seen) == "1"


def test_the_same_again_changes_nothing(someone: Newcomer) -> None:
    assert "nothing to change" in someone.deploy()
    assert runs(someone.seen) == "1"


def test_a_changed_frontend_is_built_and_a_rollback_brings_the_one_before(someone: Newcomer) -> None:
    build = someone.repository / "frontend" / "build.sh"
    build.write_text(build.read_text().replace("first", "second"))
    repositories.commit(someone.repository, "second")
    someone.deploy()
    assert page(someone.seen) == "<h1>second</h1>"
    someone.homeport("rollback", "lab", "--limit", someone.seen.host.name, "--yes", below="deploy")
    assert page(someone.seen) == "<h1>first</h1>"
    assert someone.seen.get("/api/items") == ["a pen"]
