"""What is read off a module without running it."""

from __future__ import annotations

import pytest

from homeport.source.code import Code, Route, read_code


@pytest.mark.parametrize(
    "text",
    [
        "from fastapi import FastAPI\napp = FastAPI(title='x')\n",
        "import fastapi\napp: fastapi.FastAPI = fastapi.FastAPI()\n",
        "from fastapi import FastAPI as F\nif True:\n    app = F()\n",
        "from fastapi.applications import FastAPI\ntry:\n    app = FastAPI()\nexcept ValueError:\n    raise\n",
    ],
)
def test_an_application_is_seen_however_it_is_imported(text: str) -> None:
    assert read_code(text).applications == ("app",)


@pytest.mark.parametrize(
    "text",
    [
        "from flask import FastAPI\napp = FastAPI()\n",
        "def create_app():\n    from fastapi import FastAPI\n    app = FastAPI()\n    return app\n",
        "from fastapi import FastAPI\n",
        "# app = FastAPI()\n",
        "this is no Python",
        "\0",
        "(" * 5000,
    ],
)
def test_other_objects_are_not_taken_for_the_application(text: str) -> None:
    assert read_code(text).applications == ()


@pytest.mark.parametrize(
    "name", ["create_app", "make_application", "build_api", "get_app", "create_notes_app", "register_app"]
)
def test_an_application_from_a_factory_is_told_apart(name: str) -> None:
    code = read_code(f"from .factory import {name}\nserver = {name}()\n")
    assert (code.applications, code.made) == ((), ("server",))


@pytest.mark.parametrize(
    "text",
    [
        "def create_app() -> FastAPI:\n    return other()\n",
        "def create_app(*, debug=False):\n    app = FastAPI()\n    return app\n",
        "def get_app(settings=None) -> 'FastAPI': ...\n",
    ],
)
def test_a_function_that_makes_an_application_is_a_factory(text: str) -> None:
    assert len(read_code(f"from fastapi import FastAPI\n{text}").factories) == 1


@pytest.mark.parametrize(
    "text",
    [
        "def create_app(settings) -> FastAPI: ...\n",
        "def create_app(*, settings) -> FastAPI: ...\n",
        "def create_app(): ...\n",
        "@fixture\ndef create_app() -> FastAPI: ...\n",
        "def test_app() -> FastAPI: ...\n",
    ],
)
def test_a_function_that_needs_something_or_makes_something_else_is_none(text: str) -> None:
    assert read_code(f"from fastapi import FastAPI\n{text}").factories == ()


def test_the_routes_of_an_application_that_a_factory_makes_are_its_own() -> None:
    text = "def create_app():\n    app = FastAPI()\n    @app.get('/health')\n    def health(): ...\n    return app\n"
    assert read_code(f"from fastapi import FastAPI\n{text}").inner == {"app"}


def test_routes_and_the_prefixes_of_routers() -> None:
    code = read_code(
        "from fastapi import APIRouter, FastAPI\n"
        "app = FastAPI()\n"
        "one = APIRouter(prefix='/one')\n"
        "two = APIRouter(prefix=settings.prefix)\n"
        "@app.get('/a')\ndef a(): ...\n"
        "@one.api_route('/b', methods=['GET'])\nasync def b(): ...\n"
        "@app.post('/c')\ndef c(): ...\n"
        "app.add_api_route('/d', d)\n"
        "client.get('/e')\n"
    )
    assert set(code.routes) == {Route("/a", "app"), Route("/b", "one"), Route("/d", "app")}
    assert code.routers == {"one": "/one", "two": None}


@pytest.mark.parametrize(
    ("line", "mounts"),
    [
        ("app.include_router(one)", False),
        ("app.include_router(one, tags=['x'])", False),
        ("app.include_router(one, prefix='/v1')", True),
        ("app.include_router(one, **options)", True),
    ],
)
def test_a_router_that_is_included_with_a_prefix(line: str, mounts: bool) -> None:
    assert read_code(line).mounts is mounts


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [("", "/openapi.json"), ("openapi_url='/api/openapi.json'", "/api/openapi.json"), ("openapi_url=None", None)],
)
def test_where_the_schema_is(arguments: str, schema: str | None) -> None:
    assert read_code(f"from fastapi import FastAPI\napp = FastAPI({arguments})\n").schema == schema


def test_the_inspected_code_is_not_run() -> None:
    assert read_code("raise SystemExit(1)\nimport os; os.abort()\n") == Code()
