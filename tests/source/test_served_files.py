"""Whether the folders that are to be served are in the release, and what of the application their files hide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from homeport.errors import UsageError
from homeport.source.served_files import check_served, served_at, warnings
from tests.state.builders import make_settings, make_source

FILES = ("main.py", "app/static/a.css", "dist/index.html", "dist/assets/x.js", "dist/.vite/manifest.json")


def refusal(*files: str, **data: Any) -> str:
    with pytest.raises(UsageError) as caught:
        check_served(replace(make_source(), tracked=frozenset(files)), make_settings(**data))
    return caught.value.line()


def said(files: tuple[str, ...], texts: Mapping[str, str], **data: Any) -> list[str]:
    source = replace(make_source(), tracked=frozenset(files), texts=lambda: texts)
    return list(warnings(source, make_settings(**data)))


def test_folders_of_the_release_are_taken() -> None:
    settings = make_settings(static={"/static": "app/static"}, spa={"/": "dist"})
    source = replace(make_source(), tracked=frozenset(FILES))
    check_served(source, settings)
    assert served_at(source, settings) == {
        "/static/a.css": "app/static/a.css",
        "/index.html": "dist/index.html",
        "/": "dist/index.html",
        "/assets/x.js": "dist/assets/x.js",
    }


def test_a_page_for_errors_that_is_not_there_is_named() -> None:
    check_served(replace(make_source(), tracked=frozenset(FILES)), make_settings(error_page="dist/index.html"))
    assert refusal(*FILES, error_page="pages/no.html").startswith("error_page: the release has no file pages/no.html; ")


def test_a_folder_that_is_not_there_is_named_with_the_setting_and_the_fix() -> None:
    assert refusal(*FILES, static={"/static": "static"}) == (
        "static: the release has no folder static (served at /static); name one below the application's folder; what a "
        "build makes and git ignores, release_include has to name"
    )
    assert refusal(*FILES, spa={"/": "frontend/dist"}).startswith("spa: the release has no folder frontend/dist (")
    assert refusal(*FILES, spa={"/": "dis"}).startswith("spa: the release has no folder dis (")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("main.py", "web"), "web (served at /) is no folder in the release but a file or a link"),
        (("main.py", "web/.env"), "web (served at /) has no file that may be served"),
        (("main.py", "web/a.js", "web/out/index.html"), "web (served at /) has no index.html; name the folder that the "
         "frontend's build has put it into (there is one in web/out)"),
        (("web/main.py", "web/index.html"), "web (served at /) has code of the application in it (web/main.py)"),
    ],
)  # fmt: skip
def test_a_folder_that_is_none_for_visitors_is_refused(files: tuple[str, ...], words: str) -> None:
    assert words in refusal(*files, spa={"/": "web"})


def test_a_file_at_the_health_path_is_refused() -> None:
    assert refusal("dist/index.html", spa={"/": "dist"}, health_path="/?x=1").startswith("health_path: / is the file")
    assert refusal("s/health", static={"/s": "s"}, health_path="/s/health").startswith(
        "health_path: /s/health is the file s/health for visitors"
    )
    # Below a frontend the application answers for its health alone.
    check_served(replace(make_source(), tracked=frozenset({"d/index.html", "d/health"})), make_settings(spa={"/": "d"}))


ROUTES = """from fastapi import APIRouter, FastAPI
app = FastAPI()
router = APIRouter(prefix="/static")
@app.get("/")
def root(): ...
@app.get("/items/{item}")
def item(): ...
@app.get("/robots.txt")
async def robots(): ...
@router.get("/a.css")
def css(): ...
@app.post("/form.html")
def form(): ...
"""


def test_a_route_that_a_file_hides_is_named() -> None:
    files = (*FILES, "dist/robots.txt", "dist/form.html")
    settings = {"static": {"/static": "app/static"}, "spa": {"/": "dist"}}
    assert said(files, {"main.py": ROUTES, ".env": "A=1"}, **settings) == [
        "visitors get the file dist/index.html at /, and never the application's route (main.py): rename one of them, "
        "or leave the route out",
        "visitors get the file dist/robots.txt at /robots.txt, and never the application's route (main.py): rename one "
        "of them, or leave the route out",
        "visitors get the file app/static/a.css at /static/a.css, and never the application's route (main.py): rename "
        "one of them, or leave the route out",
    ]
    assert said(FILES, {"main.py": ROUTES.replace('"/"', '"/start"')}, spa={"/": "dist"}) == []
    assert said(files, {"main.py": ROUTES}) == []


def test_the_applications_own_paths_are_hidden_by_no_file() -> None:
    texts = {"main.py": 'from fastapi import FastAPI\napp = FastAPI()\n@app.get("/api/x.json")\ndef x(): ...\n'}
    files = (*FILES, "dist/api/x.json")
    assert said(files, texts, spa={"/": "dist"}) == []
    assert len(said(files, texts, spa={"/": "dist"}, api_paths=["/docs"])) == 1
