"""What each server is told, what it needs of a lock, and which settings it has."""

from __future__ import annotations

import ast
import re
import tomllib
from typing import Any

import pytest

from homeport.controller.folders import TEMPLATES
from homeport.errors import UsageError
from homeport.rendering.rendering import render
from homeport.servers import SERVERS, Place, ServerChoice, ServerName, Serving, Target, problems
from homeport.servers.gunicorn import KEEP_ALIVE_SECONDS
from homeport.settings.loading import SettingsError, load
from homeport.settings.server import check_pins
from homeport.source.entrypoint import Entry, find_entry

PLACE = Place("127.0.0.1", "8001", "/files")
FILES = {"app/__init__.py", "app/main.py", "src/lib/__init__.py", "src/lib/web.py"}
INSTALLED = frozenset({"fastapi", "gunicorn", "uvicorn", "uvicorn-worker", "granian", "hypercorn"})


def command(choice: ServerChoice, *arguments: str, workers: int = 2, **more: Any) -> str:
    return " ".join(SERVERS[choice.name].command(Serving(choice, arguments, workers, **more), PLACE))


def refused(choice: ServerChoice, names: frozenset[str] | None, **versions: str) -> str:
    with pytest.raises(UsageError) as caught:
        check_pins(choice, names, {name.replace("_", "-"): version for name, version in versions.items()}, "uv.lock")
    return str(caught.value)


def test_gunicorn_has_uvicorns_workers_and_keeps_connections_longer_than_the_proxy_does() -> None:
    assert command(ServerChoice("gunicorn"), "app.main:app") == (
        "gunicorn app.main:app --bind 127.0.0.1:8001 --workers 2 --config /files/gunicorn.py "
        "--worker-class uvicorn_worker.UvicornWorker --keep-alive 5 --graceful-timeout 30 --worker-tmp-dir /dev/shm"
    )
    kept = re.findall(r"^    keepalive_timeout (\d+)s;", (TEMPLATES / "nginx/site.conf").read_text(), re.M)
    assert kept
    assert max(map(int, kept[:2])) < KEEP_ALIVE_SECONDS


def test_gunicorn_has_a_time_out_recycling_with_jitter_preload_and_an_access_log() -> None:
    choice = ServerChoice("gunicorn", worker_timeout_seconds=90, max_requests=1000, server_preload=True)
    words = command(choice, "app.main:app", workers=1, access_log=True, stop_timeout_seconds=7)
    assert words.endswith(
        " --graceful-timeout 7 --worker-tmp-dir /dev/shm --timeout 90 --max-requests 1000 --max-requests-jitter 100 "
        "--preload --access-logfile -"
    )


def test_granian_serves_a_module_of_ours_and_replaces_workers_that_die() -> None:
    assert command(ServerChoice("granian"), "app.main:app") == (
        "granian /files/homeport_asgi.py:app --host 127.0.0.1 --port 8001 --workers 2 --interface asgi "
        "--respawn-failed-workers --workers-kill-timeout 30"
    )
    aged = ServerChoice("granian", worker_lifetime_seconds=3600)
    assert command(aged, "app.main:app", access_log=True).endswith(" --workers-lifetime 3600 --access-log")
    # More than it takes.
    assert "--workers-kill-timeout 1800" in command(ServerChoice("granian"), "a:app", stop_timeout_seconds=7200)


def test_hypercorn_serves_a_module_of_ours_and_recycles_with_jitter() -> None:
    assert command(ServerChoice("hypercorn"), "app.main:app") == (
        "hypercorn /files/homeport_asgi.py:app --bind 127.0.0.1:8001 --workers 2 --config /files/hypercorn.toml "
        "--graceful-timeout 30"
    )
    choice = ServerChoice("hypercorn", max_requests=1000)
    words = command(choice, "app.main:app", workers=1, access_log=True, stop_timeout_seconds=7)
    assert words.endswith(" --graceful-timeout 7 --max-requests 1000 --max-requests-jitter 100 --access-logfile -")


@pytest.mark.parametrize(
    ("entrypoint", "gunicorn", "wrapping"),
    [
        ("app.main:app", ("app.main:app",), ("app.main:app",)),
        ("app/main.py", ("app.main:app",), ("app.main:app",)),
        ("lib.web:api", ("lib.web:api", "--pythonpath", "src"), ("lib.web:api", "--working-dir", "src")),
        ("app.main:create()", ("app.main:create()",), ("app.main:create", "--factory")),
    ],
)
def test_every_form_of_an_entry_point_is_told_in_the_servers_own_way(
    entrypoint: str, gunicorn: tuple[str, ...], wrapping: tuple[str, ...]
) -> None:
    folder = "src" if "lib" in entrypoint else ""
    assert find_entry("gunicorn", entrypoint, FILES, "HEAD") == Entry(gunicorn, folder)
    for server in ("granian", "hypercorn"):
        assert find_entry(server, entrypoint, FILES, "HEAD") == Entry(wrapping, folder)


def texts_of(name: ServerName, target: Target, **choice: Any) -> dict[str, str]:
    """Return the texts of the files that a server reads at its start."""
    server = SERVERS[name]
    files = server.files(Serving(ServerChoice(name, **choice), server.arguments(target), 2)).items()
    return {file: render(template, None, app="notes", release_id="r1", **values) for file, (template, values) in files}


def text_of(name: ServerName, target: Target, **choice: Any) -> tuple[str, str]:
    """Return name and text of the one file that a server reads at its start."""
    [found] = texts_of(name, target, **choice).items()
    return found


def test_granian_serves_the_application_behind_the_proxys_headers() -> None:
    file, text = text_of("granian", Target("app.main", "create", "src", factory=True))
    ast.parse(text)
    assert file == "homeport_asgi.py"
    assert 'importlib.import_module("app.main")' in text
    assert 'sys.path.insert(0, os.path.abspath("src"))' in text
    assert "application = application()\n" in text
    plain = text_of("granian", Target("main"))[1]
    ast.parse(plain)
    assert "sys.path" not in plain
    assert "application()" not in plain


def test_hypercorn_serves_the_application_and_gives_a_start_as_long_as_the_gate_does() -> None:
    found = texts_of("hypercorn", Target("app.main", "create", "src", factory=True))
    assert list(found) == ["homeport_asgi.py", "hypercorn.toml"]
    module = found["homeport_asgi.py"]
    ast.parse(module)
    assert 'importlib.import_module("app.main")' in module
    assert 'sys.path.insert(0, os.path.abspath("src"))' in module
    assert "application = application()\n" in module
    settings = tomllib.loads(found["hypercorn.toml"])
    assert settings["startup_timeout"] >= 3600
    assert settings["shutdown_timeout"] == 30
    # Its program does not look for modules in the working directory.
    assert 'sys.path.insert(0, os.path.abspath("."))' in texts_of("hypercorn", Target("main"))["homeport_asgi.py"]


def test_gunicorns_own_configuration_is_read_and_its_control_socket_is_not_made() -> None:
    file, text = text_of("gunicorn", Target("main"))
    ast.parse(text)
    assert file == "gunicorn.py"
    assert "control_socket_disable = True" in text
    assert 'open("gunicorn.conf.py")' in text
    assert "asyncio" not in text
    recycling = text_of("gunicorn", Target("main"), max_requests=100)[1]
    ast.parse(recycling)
    assert "Server.shutdown = pause_and_end" in recycling


@pytest.mark.parametrize("name", ["fastapi", "uvicorn"])
def test_the_others_read_no_file(name: ServerName) -> None:
    assert SERVERS[name].files(Serving(ServerChoice(name), ("main.py",), 2)) == {}


def test_gunicorn_needs_uvicorns_worker_beside_it() -> None:
    choice = ServerChoice("gunicorn")
    assert refused(choice, INSTALLED - {"uvicorn-worker"}) == (
        "app_source: the dependencies in uv.lock do not contain uvicorn-worker; add gunicorn, uvicorn-worker and "
        "uvicorn[standard], and lock again"
    )
    assert "do not contain gunicorn; " in refused(choice, INSTALLED - {"gunicorn"})
    assert "pins gunicorn 20.0.4, which uvicorn-worker does not work with" in refused(choice, None, gunicorn="20.0.4")
    assert refused(choice, INSTALLED, uvicorn_worker="0.3.0", uvicorn="0.36.0") == (
        "app_source: uv.lock pins uvicorn-worker 0.3.0, which does not work with uvicorn 0.36.0; raise uvicorn-worker "
        "to 0.4 and gunicorn to 21 and lock again"
    )
    for worker, uvicorn in (("0.3.0", "0.35.0"), ("0.4.0", "0.54.0")):
        check_pins(choice, INSTALLED, {"gunicorn": "21.2.0", "uvicorn-worker": worker, "uvicorn": uvicorn}, "uv.lock")
    check_pins(choice, INSTALLED, {"gunicorn": "20.1.0"}, "uv.lock")
    check_pins(choice, None, {}, "requirements.txt")


def test_granian_has_to_be_there_and_to_know_a_proxy() -> None:
    choice = ServerChoice("granian")
    assert refused(choice, INSTALLED - {"granian"}) == (
        "app_source: the dependencies in uv.lock do not contain granian; add granian and lock again"
    )
    assert "pins granian 2.3.4, which cannot be told of a proxy (2.4 is the first" in refused(
        choice, INSTALLED, granian="2.3.4"
    )
    check_pins(choice, INSTALLED, {"granian": "2.4.0"}, "uv.lock")


def test_hypercorn_has_to_be_there_and_to_end_when_a_worker_fails() -> None:
    choice = ServerChoice("hypercorn")
    assert refused(choice, INSTALLED - {"hypercorn"}) == (
        "app_source: the dependencies in uv.lock do not contain hypercorn; add hypercorn and lock again"
    )
    assert "pins hypercorn 0.15.0, which " in refused(choice, INSTALLED, hypercorn="0.15.0")
    check_pins(choice, INSTALLED, {"hypercorn": "0.16.0"}, "uv.lock")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"worker_timeout_seconds": 9}, "worker_timeout_seconds is an option of uvicorn and gunicorn; set server = "),
        (
            {"server": "granian", "max_requests": 9},
            'max_requests is an option of uvicorn, gunicorn and hypercorn; set server = "uvicorn", "gunicorn" or '
            '"hypercorn", or unset it',
        ),
        (
            {"server": "uvicorn", "server_preload": True},
            'server_preload is an option of gunicorn alone; set server = "gunicorn", or unset it',
        ),
        ({"server": "gunicorn", "worker_lifetime_seconds": 60}, "is an option of granian alone; set server = "),
        ({"server": "uvicorn", "max_requests": 9, "workers": 1}, "max_requests needs workers = 2 or more"),
        ({"server": "daphne"}, "server: "),
    ],
)
def test_a_setting_that_the_server_does_not_have_is_refused_in_one_line(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({"app_name": "notes", "domain": "notes.example.com", **settings}, "web1")
    assert why in caught.value.line()
    assert len(caught.value.line().splitlines()) == 1


@pytest.mark.parametrize("server", ["gunicorn", "hypercorn"])
def test_a_lone_worker_with_a_manager_is_replaced(server: ServerName) -> None:
    assert list(problems(ServerChoice(server, max_requests=9), workers=1)) == []


@pytest.mark.parametrize("name", ["fastapi", "uvicorn"])
def test_a_server_is_told_the_path_that_the_proxy_takes_away(name: ServerName) -> None:
    assert " --root-path /shop" in command(ServerChoice(name), "app.main:app", root_path="/shop")
    assert "--root-path" not in command(ServerChoice(name), "app.main:app")
