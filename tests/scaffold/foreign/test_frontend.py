"""What a stage of a Dockerfile builds with npm and its like, as it is built without an image."""

from __future__ import annotations

import pytest

from homeport.scaffold.foreign.settling import Foreign, settle

from .given import EVERY, read

BUILDER = """FROM node:22 AS web
WORKDIR /app
RUN corepack enable && npm install -g pnpm
COPY package.json package-lock.json /app/
COPY frontend/package.json /app/frontend/
WORKDIR /app/frontend
RUN --mount=type=cache,target=/root/.npm npm ci
COPY ./frontend /app/frontend
ARG API_URL=
ENV TOKEN=abc MODE=production
RUN npm run build
"""
IMAGE = """FROM python:3.13
WORKDIR /code/
COPY ./backend/app /code/backend/app
COPY --from=web {copied}
WORKDIR /code/backend
CMD ["uvicorn", "app.main:app"]
"""
FILES = {"backend/app/main.py": "", "backend/pyproject.toml": "", "frontend/package.json": "{}", "package.json": "{}"}


def found(dockerfile: str, files: dict[str, str], folder: str = "", path: str = "Dockerfile") -> Foreign:
    names, reading = read({**files, path: dockerfile}, folder)
    paths = frozenset(one.removeprefix(f"{folder}/" if folder else "") for one in files)
    return settle(names, reading, paths, lambda server: server in EVERY)


def test_a_frontend_that_is_built_into_the_applications_folder_is_built_there() -> None:
    text = BUILDER + IMAGE.format(copied="/app/backend/app/web /code/backend/app/web")
    one = found(text, FILES, "backend")
    assert one.get("build_commands") == [
        "cd ../frontend && npm ci",
        "cd ../frontend && API_URL='' MODE=production npm run build",
    ]
    assert one.get("release_include") == ["app/web"]
    # An image is built of the application's folder, and the frontend is beside it.
    assert one.get("build_image") is None
    assert not [note for note in one.notes if "build" in note]


def test_one_that_is_built_elsewhere_is_copied_to_where_the_image_has_it() -> None:
    text = BUILDER + IMAGE.format(copied="/app/frontend/dist ./backend/app/static/web/")
    one = found(text, FILES, "backend")
    assert one.get("build_commands")[-1] == (  # type: ignore[index]
        "rm -rf app/static/web && mkdir -p app/static && cp -R ../frontend/dist app/static/web"
    )
    assert one.get("release_include") == ["app/static/web"]


def test_an_application_at_the_root_whose_image_has_all_of_it() -> None:
    text = (
        "FROM node AS ui\nWORKDIR /ui\nCOPY ui/package*.json ./\nRUN npm ci\nCOPY ui/ .\nRUN npm run build\n"
        'FROM python:3.13\nWORKDIR /app\nCOPY . .\nCOPY --from=ui /ui/dist static\nCMD ["uvicorn", "app.main:app"]\n'
    )
    one = found(text, {"app/main.py": "", "ui/package.json": "{}", "ui/src/a.ts": ""})
    assert one.get("build_commands") == [
        "cd ui && npm ci",
        "cd ui && npm run build",
        "rm -rf static && mkdir -p . && cp -R ui/dist static",
    ]
    assert one.get("release_include") == ["static"]
    assert one.get("build_image") == "node"


def test_paths_may_be_those_of_the_dockerfiles_own_folder() -> None:
    text = (
        "FROM node AS ui\nWORKDIR /ui\nCOPY ui .\nRUN npm ci && npm run build\n"
        'FROM python:3.13\nCOPY app /srv/app\nCOPY --from=ui /ui/dist /srv/app/web\nCMD ["uvicorn", "app.main:app"]\n'
    )
    files = {"api/app/main.py": "", "api/ui/package.json": "{}", "api/pyproject.toml": ""}
    one = found(text, files, "api", "api/Dockerfile")
    assert one.get("build_commands") == [
        "cd ui && npm ci && npm run build",
        "rm -rf app/web && mkdir -p app && cp -R ui/dist app/web",
    ]


@pytest.mark.parametrize(
    "text",
    [
        BUILDER + IMAGE.format(copied="/app/frontend/dist /usr/share/nginx/html"),
        BUILDER.replace("npm run build", "npm run build -- $MODE") + IMAGE.format(copied="/app/frontend/dist app/web"),
        "FROM node AS web\nRUN npm run build\n" + IMAGE.format(copied="/dist backend/app/web"),
    ],
)
def test_where_it_is_not_plain_what_becomes_of_it_the_build_is_listed(text: str) -> None:
    one = found(text, FILES, "backend")
    assert (one.get("build_commands"), one.get("release_include")) == (None, None)
    assert any("build_commands and release_include do that" in note for note in one.notes)


def test_no_secret_of_the_image_gets_into_a_command() -> None:
    text = BUILDER + IMAGE.format(copied="/app/backend/app/web /code/backend/app/web")
    assert "abc" not in repr(found(text, FILES, "backend"))
