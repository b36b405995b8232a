"""Which pins cannot run the server, and what is said of them."""

from __future__ import annotations

import pytest

from homeport.errors import UsageError
from homeport.servers import SERVERS, Serving
from homeport.settings.server import ServerChoice, check_pins
from homeport.source.entrypoint import Entry, find_entry

ALL = frozenset({"fastapi", "fastapi-cli", "uvicorn", "pydantic"})
UVICORN = ServerChoice("uvicorn")


def said(choice: ServerChoice, names: frozenset[str] | None, **versions: str) -> str:
    pinned = {name.replace("_", "-"): version for name, version in versions.items()}
    try:
        check_pins(choice, names, pinned, "uv.lock")
    except UsageError as error:
        return str(error)
    return ""


def test_a_fastapi_without_the_command_is_named() -> None:
    assert said(ServerChoice(), ALL - {"fastapi-cli"}, fastapi="0.110.3") == (
        "app_source: uv.lock pins fastapi 0.110.3, which has no fastapi command (0.111 is the first that has); "
        'set server = "uvicorn", or raise fastapi and lock again'
    )
    assert said(ServerChoice(), None, fastapi="0.104.1").startswith("app_source: uv.lock pins fastapi 0.104.1, ")
    assert said(ServerChoice(), None, fastapi="0.115.0") == ""
    assert said(UVICORN, ALL - {"fastapi-cli"}, fastapi="0.110.3") == ""


def test_a_command_that_pydantic_1_breaks_is_named() -> None:
    assert said(ServerChoice(), ALL, fastapi_cli="0.0.34", pydantic="1.10.27") == (
        "app_source: uv.lock pins fastapi-cli 0.0.34, which does not run with pydantic 1.10.27; "
        'set server = "uvicorn", or pin fastapi-cli==0.0.16 and lock again'
    )
    assert said(ServerChoice(), ALL, fastapi_cli="0.0.16", pydantic="1.10.27") == ""
    assert said(ServerChoice(), ALL, fastapi_cli="0.0.34", pydantic="2.11") == ""
    assert said(UVICORN, ALL, fastapi_cli="0.0.34", pydantic="1.10.27") == ""


def test_a_command_without_workers_is_named() -> None:
    assert "fastapi-cli 0.0.2, which has no --workers" in said(ServerChoice(), ALL, fastapi_cli="0.0.2")


def test_uvicorn_has_to_be_there_and_to_know_its_options() -> None:
    assert "do not contain uvicorn; add uvicorn[standard]" in said(UVICORN, frozenset({"fastapi"}))
    slow = ServerChoice("uvicorn", worker_timeout_seconds=30)
    assert said(slow, ALL, uvicorn="0.36.1") == (
        "worker_timeout_seconds: uv.lock pins uvicorn 0.36.1, which has no --timeout-worker-healthcheck (0.37 is the "
        "first); raise uvicorn and lock again, or unset it"
    )
    assert said(slow, ALL, uvicorn="0.37.0") == ""


def test_the_options_are_those_of_uvicorn() -> None:
    choice = ServerChoice("uvicorn", 30, 1000)
    assert SERVERS["uvicorn"].options(Serving(choice, ("main:app",), 2)) == (
        "--timeout-worker-healthcheck", "30", "--limit-max-requests", "1000",
    )  # fmt: skip
    assert SERVERS["fastapi"].options(Serving(ServerChoice(), ("main.py",), 2)) == ()


PACKAGE = {"app/__init__.py", "app/main.py", "plain/main.py", "src/lib/__init__.py", "src/lib/web.py", "main.py"}


@pytest.mark.parametrize(("entrypoint", "arguments", "imported_from"), [
    ("main.py", ("main:app",), ""),
    ("main:api", ("main:api",), ""),
    ("app.main:app", ("app.main:app",), ""),
    ("app/main.py", ("app.main:app",), ""),
    ("app", ("app:app",), ""),
    ("plain/main.py", ("main:app", "--app-dir", "plain"), "plain"),
    ("plain.main:app", ("plain.main:app",), ""),
    ("lib.web:app", ("lib.web:app", "--app-dir", "src"), "src"),
    ("src/lib/web.py:app", ("lib.web:app", "--app-dir", "src"), "src"),
    ("app.main:create_app()", ("app.main:create_app", "--factory"), ""),
    ("lib.web:create()", ("lib.web:create", "--app-dir", "src", "--factory"), "src"),
])  # fmt: skip
def test_uvicorn_is_told_a_module_and_the_folder_to_import_it_from(
    entrypoint: str, arguments: tuple[str, ...], imported_from: str
) -> None:
    assert find_entry("uvicorn", entrypoint, PACKAGE, "HEAD") == Entry(arguments, imported_from)


def test_fastapi_imports_from_above_all_packages_and_calls_no_function() -> None:
    assert find_entry("fastapi", "src/lib/web.py", PACKAGE, "HEAD") == Entry(("src/lib/web.py",), "src")
    assert find_entry("fastapi", "app.main:app", PACKAGE, "HEAD").imported_from == ""
    with pytest.raises(UsageError) as caught:
        find_entry("fastapi", "app.main:create_app()", PACKAGE, "HEAD")
    assert str(caught.value) == (
        "app_entrypoint: `fastapi run` calls no function to make the application (app.main:create_app()); "
        'set server = "uvicorn", or write a module with app = create_app()'
    )
