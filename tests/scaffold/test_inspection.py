"""The health path, the Python, the name and the remarks that follow from an application."""

from __future__ import annotations

import json
import re
from importlib.metadata import Distribution
from typing import Any

import pytest

from homeport.scaffold.health import find_health
from homeport.scaffold.inspection import find_migrate_command
from homeport.scaffold.naming import app_name
from homeport.scaffold.needs import find_needs, find_requirements
from homeport.scaffold.pins import pin, pins
from homeport.scaffold.python_version import find_python
from homeport.scaffold.remarks import remarks
from homeport.scaffold.server import find_server
from homeport.source.code import read_code

START = "from fastapi import APIRouter, FastAPI\napp = FastAPI()\nrouter = APIRouter(prefix='/api')\n"
POETRY = '[[package]]\nname = "fastapi"\nversion = "0.104.1"\n'
MIGRATIONS = {
    "alembic.ini": "[alembic]\nsqlalchemy.url = postgresql+asyncpg://me:mine@db:5432/foo\n",
    "alembic/env.py": "url = config.get_main_option('sqlalchemy.url')\nengine_from_config(config)\n",
}
LOCK = """version = 1
[[package]]
name = "shop"
source = { virtual = "." }
dependencies = [{ name = "fastapi" }]
[package.dev-dependencies]
dev = [{ name = "uvicorn" }]
lint = [{ name = "ruff" }]
prod = [{ name = "redis" }]
"""
UVICORN = '[[package]]\nname = "uvicorn"\nversion = "0.24.0"\n'


def health(*texts: str) -> tuple[str, str]:
    modules = {f"{number}.py": read_code(text) for number, text in enumerate(texts)}
    found = find_health(modules, "0.py")
    return found.path, found.remark


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("@app.get('/health')", "/health"),
        ("@app.get('/healthz')", "/healthz"),
        ("@app.get('/ping')\ndef a(): ...\n@app.get('/health/ready')", "/health/ready"),
        ("@router.get('/health')", "/api/health"),
        ("@app.get('/api/v1/healthcheck')", "/api/v1/healthcheck"),
        ("@app.get('/a/b/c/status')\ndef a(): ...\n@app.get('/up')", "/up"),
        ("@app.get('/payments/status')\ndef a(): ...\n@app.get('/api/v1/up')", "/api/v1/up"),
    ],
)
def test_a_route_that_is_called_like_one_is_the_health_path(route: str, path: str) -> None:
    assert health(f"{START}{route}\ndef b(): ...\n") == (path, "")


def test_without_one_the_schema_answers_and_the_file_says_why() -> None:
    path, remark = health(f"{START}@app.get('/')\ndef a(): ...\n@app.get('/health/{{of}}')\ndef b(of): ...\n")
    assert path == "/openapi.json"
    assert "no health route was found" in remark


def test_a_route_whose_prefix_is_not_known_is_not_guessed() -> None:
    router = "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/health')\ndef a(): ...\n"
    path, remark = health(f"{START}app.include_router(routes, prefix=settings.prefix)\n", router)
    assert path == "/openapi.json"
    assert "there is a route /health" in remark
    assert health(f"{START}app.include_router(router)\n", router) == ("/health", "")


def test_the_schemas_path_is_put_together_from_plain_texts_and_not_guessed() -> None:
    main = "from fastapi import FastAPI\napp = FastAPI(openapi_url=f'{settings.API}/openapi.json')\n"
    config = "class Settings:\n    API: str = '/api/v1'\n"
    modules = {"app/main.py": read_code(main), "app/config.py": read_code(config)}
    for entrypoint in ("app/main.py", "app.main:app", "app.main"):
        assert find_health(modules, entrypoint).path == "/api/v1/openapi.json"
    modules["app/config.py"] = read_code("VERSION = 'v1'\nclass Settings:\n    API: str = f'/api/{VERSION}'\n")
    assert find_health(modules, "app.main:app").path == "/api/v1/openapi.json"
    modules["app/other.py"] = read_code("API = '/api/v2'\n")
    assert find_health(modules, "app.main:app").path == "/"
    modules = {"app/main.py": read_code(main.replace("f'{settings.API}/openapi.json'", "None"))}
    assert find_health(modules, "app.main:app").path == "/"


def test_the_schemas_path_of_an_application_that_a_factory_makes_is_the_factorys() -> None:
    made = "from fastapi import FastAPI\ndef create():\n    app = FastAPI(openapi_url={})\n    return app\n"
    main = "from made import create\napp = create()\n"
    assert health(main, made.format("'/v1/openapi.json'"))[0] == "/v1/openapi.json"
    assert health(made.format("'/v1/openapi.json'"), made.format("'/v2/openapi.json'"))[0] == "/v1/openapi.json"
    assert health(main, made.format("f'{PATHS[1]}/openapi.json'"))[0] == "/"
    assert health(main, made.format("'/v1/openapi.json'"), made.format("'/v2/openapi.json'"))[0] == "/openapi.json"


def test_without_a_schema_either_somebody_has_to_say_it() -> None:
    path, remark = health("from fastapi import FastAPI\napp = FastAPI(openapi_url=None)\n")
    assert path == "/"
    assert "set health_path to a path" in remark


@pytest.mark.parametrize(
    ("pinned", "required", "found"),
    [
        (None, None, None),
        ("", ">=3.11", None),
        (None, ">=3.9", None),
        (None, ">=3.12", "3.13"),
        (None, ">=3.12.4,<4", "3.13"),
        (None, ">=3.10,<3.13", "3.11"),
        (None, "==3.13.*", "3.13"),
        (None, "not a version", None),
        (None, ">=4", None),
        ("3.12\n", ">=3.11", "3.12"),
        ("# ours\n3.12.4\n", None, "3.12.4"),
        ("cpython-3.13", None, "3.13"),
        ("pypy@3.10", ">=3.12", "3.13"),
    ],
)
def test_the_python_is_set_where_a_systems_own_would_not_do(
    pinned: str | None, required: str | None, found: str | None
) -> None:
    assert find_python(pinned, required) == found


@pytest.mark.parametrize(
    ("candidates", "name"),
    [
        (("Notes",), "notes"),
        (("", "x", "my_App 2"), "my-app-2"),
        (("2048-game",), "game"),
        (("db-migrate",), "db"),
        (("ä", "/"), "app"),
        (("a" * 40,), "a" * 31),
        ((f"{'a' * 30}-b",), "a" * 30),
        (("minimal-fastapi-postgres-template",), "minimal-fastapi-postgres"),
        (("app", "backend", "shop"), "shop"),
        (("", "src"), "src"),
    ],
)
def test_the_name_is_one_that_a_setting_may_have(candidates: tuple[str, ...], name: str) -> None:
    assert app_name(candidates) == name
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,29}[a-z0-9]", name)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"requirements.txt": "fastapi[standard]==1 --hash=sha256:0\n"}, []),
        ({"requirements.txt": "fastapi==1 --hash=sha256:0\n"}, ["does not install the fastapi command"]),
        ({"requirements.txt": "fastapi==1 --hash=sha256:0\nuvicorn\n"}, []),
        ({"requirements.txt": "fastapi-cli==1\n"}, ["has no hashes"]),
        ({"pyproject.toml": "[project]\ndependencies = ['fastapi[all]']\n"}, []),
        ({"pyproject.toml": "[project]\ndependencies = ['fastapi']\n"}, ["does not install the fastapi command"]),
        ({"pyproject.toml": "[tool.poetry]\n", "poetry.lock": POETRY}, ["poetry.lock does not install"]),
        ({"requirements/prod.txt": "fastapi[all]==1\n"}, ["prod.txt has no hashes"]),
        ({"db.py": "URL = 'sqlite:///./notes.db'\n"}, ['state_paths = ["notes.db"]']),
        ({"db.py": "URL = 'sqlite+aiosqlite:///data/notes.db?x'\n"}, ['state_paths = ["data/notes.db"]']),
        ({"db.py": "URL = f'sqlite:///{path}' or 'sqlite:////var/lib/x' or 'sqlite:///:memory:'\n"}, []),
        ({"tests/db.py": "URL = 'sqlite:///./notes.db'\n"}, []),
        (MIGRATIONS, ["alembic.ini:2 says that migrations go to the database on db, whatever the variables say"]),
        ({**MIGRATIONS, "alembic.ini": "sqlalchemy.url = driver://user:pass@localhost/dbname\n"}, []),
        ({**MIGRATIONS, "alembic/env.py": "config.set_main_option('sqlalchemy.url', URL)\n"}, []),
        ({**MIGRATIONS, "alembic/env.py": "from app.db import engine\n"}, []),
        ({"alembic.ini": MIGRATIONS["alembic.ini"]}, []),
    ],
)
def test_what_a_person_should_know_before_the_first_deploy(files: dict[str, str], words: list[str]) -> None:
    read = lambda path: files.get(path, "")  # noqa: E731
    found = remarks(set(files), read, find_requirements(set(files), read, member=False))
    assert len(found) == len(words), found
    assert all(word in line for word, line in zip(words, found, strict=True))


def test_what_a_pipeline_installs_is_what_is_installed_here() -> None:
    first, *others = pins()
    assert first.startswith("homeport==")
    names = [line.partition("==")[0] for line in others]
    assert names == sorted(set(names))
    assert {"pyinfra", "paramiko", "jinja2", "cryptography", "pyrage"} <= set(names)
    assert not {"pytest", "ruff"} & set(names)


class Installed(Distribution):
    """A distribution that came from somewhere."""

    def __init__(self, origin: object) -> None:
        self.files_by_name = {"METADATA": "Name: homeport\nVersion: 1.2\n", "direct_url.json": json.dumps(origin)}

    def read_text(self, filename: str) -> str | None:
        return self.files_by_name.get(filename)

    def locate_file(self, path: object) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        ({}, "homeport==1.2"),
        ({"url": "file:///home/me/homeport", "dir_info": {"editable": True}}, "homeport==1.2"),
        ({"url": "file:///tmp/homeport.whl", "archive_info": {"hashes": {"sha256": "ab"}}}, "homeport==1.2"),
        (
            {"url": "https://example.com/homeport.whl", "archive_info": {"hashes": {"sha256": "ab"}}},
            "homeport @ https://example.com/homeport.whl#sha256=ab",
        ),
        (
            {"url": "https://example.com/homeport.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "homeport @ git+https://example.com/homeport.git@abc",
        ),
    ],
)
def test_a_pipeline_takes_homeport_from_where_it_came_from(origin: object, line: str) -> None:
    assert pin("homeport", Installed(origin)) == line


@pytest.mark.parametrize(
    ("files", "server"),
    [
        ({"requirements.txt": "fastapi[standard]\n"}, "fastapi"),
        ({"requirements.txt": "fastapi==0.104.1\nuvicorn==0.24.0\n"}, "uvicorn"),
        ({"requirements.txt": "-r base.txt\n", "base.txt": "fastapi\nuvicorn[standard]\n"}, "uvicorn"),
        ({"requirements.txt": "fastapi\n"}, "fastapi"),
        ({"requirements.txt": "fastapi\ngranian\n"}, "granian"),
        ({"requirements.txt": "fastapi\nhypercorn\n"}, "hypercorn"),
        ({"requirements.txt": "fastapi\ngranian\nuvicorn\n"}, "uvicorn"),
        ({"requirements.txt": "fastapi-cli==0.0.34\nuvicorn\npydantic==1.10.2\n"}, "uvicorn"),
        ({"pyproject.toml": "[project]\ndependencies = ['fastapi>=0.1', 'uvicorn']\n"}, "uvicorn"),
        ({"pyproject.toml": "[project]\ndependencies = ['fastapi[all]', 'uvicorn']\n"}, "fastapi"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\nfastapi = '*'\nuvicorn = '*'\n"}, "uvicorn"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\nfastapi = {extras = ['standard']}\n"}, "fastapi"),
        ({"pyproject.toml": "[tool.poetry]\n", "poetry.lock": POETRY + UVICORN}, "uvicorn"),
        ({"Pipfile.lock": '{"default": {"fastapi": {"version": "==0.100.0"}, "uvicorn": {}}}'}, "uvicorn"),
        ({"setup.py": "from setuptools import setup\nsetup(install_requires=['fastapi', 'uvicorn'])"}, "uvicorn"),
    ],
)
def test_another_server_is_asked_for_where_no_fastapi_command_runs(files: dict[str, str], server: str) -> None:
    assert find_server(set(files), lambda path: files.get(path, "")) == server


def test_a_factory_needs_a_server_that_calls_it() -> None:
    files = {"requirements.txt": "fastapi[standard]\nuvicorn\n"}
    assert find_server(set(files), lambda path: files.get(path, ""), factory=True) == "uvicorn"


@pytest.mark.parametrize(
    ("files", "file"),
    [
        ({"requirements.txt", "requirements/prod.txt"}, ""),
        ({"uv.lock", "requirements/prod.txt"}, ""),
        ({"setup.py", "requirements/dev.txt"}, ""),
        ({"requirements/base.txt", "requirements/prod.txt", "requirements/dev.txt"}, "requirements/prod.txt"),
        ({"requirements/base.txt", "requirements/test.txt"}, "requirements/base.txt"),
        ({"requirements-dev.txt", "requirements-prod.txt"}, "requirements-prod.txt"),
        ({"dev-requirements.txt", "docs/requirements.txt"}, ""),
        ({"docker/requirements.txt", "docs/requirements.txt"}, "docker/requirements.txt"),
        ({"requirements_dev.txt", "app/main.py", "robots.txt"}, ""),
    ],
)
def test_a_requirements_file_of_another_name_is_found(files: set[str], file: str) -> None:
    assert find_requirements(files, lambda _: "", member=False) == file


def test_a_pyproject_for_tools_alone_names_no_dependencies_and_a_project_does() -> None:
    files = {"pyproject.toml": "[tool.ruff]\n", "requirements/prod.txt": "fastapi\n"}
    assert find_requirements(set(files), lambda path: files.get(path, ""), member=False) == "requirements/prod.txt"
    files["pyproject.toml"] = "[project]\nname = 'x'\n"
    assert find_requirements(set(files), lambda path: files.get(path, ""), member=False) == ""


def test_an_extra_that_brings_fastapi_and_a_dependency_from_git() -> None:
    text = "[project]\ndependencies = ['x @ git+https://example.com/x']\n[project.optional-dependencies]\n"
    files = {"pyproject.toml": f"{text}api = ['fastapi[standard]']\nother = ['idna']\n"}
    found = find_needs(set(files), lambda path: files.get(path, ""))
    assert (found.extra, found.from_git) == ("api", True)
    assert {"fastapi", "fastapi-cli", "x"} <= found.names


@pytest.mark.parametrize(
    ("groups", "more", "group"),
    [
        ("dev = []\nlint = []\n", "", "dev"),
        ("lint = []\n", "", ""),
        ("dev = []\nlint = []\n", "uvicorn", ""),
        ("dev = []\nprod = []\n", "uvicorn", "prod"),
    ],
)
def test_the_group_that_alone_brings_a_server_or_is_for_production_is_installed(
    groups: str, more: str, group: str
) -> None:
    lock = LOCK.replace('[{ name = "fastapi" }]', f'[{{ name = "fastapi" }}, {{ name = "{more}" }}]') if more else LOCK
    packages = "".join(f'[[package]]\nname = "{name}"\n' for name in ("fastapi", "uvicorn", "ruff", "redis"))
    files = {"uv.lock": lock + packages, "pyproject.toml": f"[dependency-groups]\n{groups}"}
    assert find_needs(set(files), lambda path: files.get(path, "")).group == group


def test_poetry_s_group_for_production_is_installed() -> None:
    files = {"poetry.lock": POETRY, "pyproject.toml": "[tool.poetry.group.dev]\n[tool.poetry.group.production]\n"}
    assert find_needs(set(files), lambda path: files.get(path, "")).group == "production"


class Given:
    """Files of a repository, as texts."""

    def __init__(self, files: dict[str, str]) -> None:
        self.paths, self.read = frozenset(files), lambda path: files.get(path, "")


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"main.py": ""}, None),
        ({"alembic.ini": "", "db/alembic.ini": ""}, None),
        ({"db/alembic.ini": ""}, "alembic -c db/alembic.ini upgrade head"),
        (
            {"db/alembic.ini": "script_location = %(here)s/m\n", "db/m/env.py": ""},
            "alembic -c db/alembic.ini upgrade head",
        ),
        ({"src/alembic.ini": "script_location = m\n", "src/m/env.py": ""}, "cd src && alembic upgrade head"),
        (
            {"src/alembic.ini": "script_location = src/m\n", "src/m/env.py": ""},
            "alembic -c src/alembic.ini upgrade head",
        ),
        ({"a b/alembic.ini": "script_location=./m\n", "a b/m/env.py": ""}, "cd 'a b' && alembic upgrade head"),
    ],
)
def test_a_migration_below_the_folder_runs_from_where_it_finds_its_scripts(
    files: dict[str, str], command: str | None
) -> None:
    assert find_migrate_command(Given(files)) == command  # type: ignore[arg-type]
