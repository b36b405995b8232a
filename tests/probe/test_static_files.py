"""What the doctor sees of the files that the proxy serves: whether they are there, and the routes that they hide."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from homeport.host.services.release_description import Health, Release, Served
from homeport.host.system.layout import Layout
from homeport.probe.static_files import read

PATHS = {
    "/": ["get"],
    "/x.css": ["get"],
    "/form": ["post"],
    "/items/{item}": ["get"],
    "/none": ["get"],
    "/../up": ["get"],
}


class Handler(BaseHTTPRequestHandler):
    """An application that says which routes it has."""

    document = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.document)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A host whose live slot serves two files, and whose application answers on loopback."""
    layout = Layout("shop", tmp_path)
    for path in ("plain/index.html", "hashed/x.css", "plain/form", "../up"):
        place = layout.static_releases / "r1" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("x")
    layout.static_link("blue").parent.mkdir()
    layout.static_link("blue").symlink_to("../releases/r1")
    layout.settings.mkdir(parents=True)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        (layout.settings / "blue.env").write_text(f"HOMEPORT_PORT={server.server_address[1]}\n")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield layout
        server.shutdown()
        thread.join()


def release(name: str = "r1", *served: Served) -> Release:
    health = Health("/health", 200, 1, 1)
    return Release(name, Path("/"), {}, health, 1, has_migration=False, static=served or (Served("/", "dist"),))


@pytest.mark.parametrize(
    ("document", "hidden"),
    [
        (json.dumps({"paths": {path: dict.fromkeys(methods) for path, methods in PATHS.items()}}), ["/", "/x.css"]),
        ("[]", []),
        ('{"paths": [1]}', []),
        ("no JSON", []),
    ],
)
def test_routes_in_whose_place_a_file_is_served_are_found(layout: Layout, document: str, hidden: list[str]) -> None:
    Handler.document = document.encode()
    assert read(layout, "blue", release()) == {"missing": "", "closed": "", "hidden": hidden}


def test_files_that_are_not_those_of_the_release_are_missing(layout: Layout) -> None:
    link = layout.static_link("blue")
    assert read(layout, "blue", release("r2")) == {"missing": str(link), "closed": "", "hidden": []}
    link.unlink()
    assert read(layout, "blue", release()) == {"missing": str(link), "closed": "", "hidden": []}


@pytest.mark.parametrize(
    "folder", ["var/www", "{static}", "{static}/slots", "{static}/releases/r1/plain", "{static}/bridge"]
)
def test_a_folder_that_the_proxys_user_may_not_enter_is_named(layout: Layout, folder: str) -> None:
    closed = layout.root / folder.format(static="var/www/homeport-static-shop")
    closed.mkdir(exist_ok=True)
    closed.chmod(0o700)
    found = read(layout, "blue", release())
    assert found
    assert found["closed"] == str(closed)


def test_nothing_is_looked_for_where_the_proxy_serves_no_files(layout: Layout) -> None:
    assert read(layout, "blue", None) is None
    assert read(layout, "blue", release()._replace(static=())) is None
