"""What engines are given of a real repository, and where the values of secrets may be written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from homeport.errors import UsageError
from homeport.exports.dockerignore import Ignored
from homeport.exports.engines import ENGINES, Subject
from homeport.exports.engines.container import dockerignore
from homeport.exports.reading import Exported, read_subject, refuse_secrets
from homeport.settings.model import Settings
from homeport.source.release import forget_sources
from tests.exports.subjects import CODE, subject
from tests.exports.test_ignored import git


def exported(folder: str, *never: str) -> Exported:
    given = subject(code=CODE.__class__(**{**vars(CODE), "never": never}))
    lines = tuple(dockerignore(given).splitlines())
    return Exported(given, Path(folder), (), Path("/a/app"), lines, Path(folder))


@pytest.mark.parametrize("folder", ["/a/app", "/a/app/out", "/a/app/.container", "/a/app/exports"])
def test_values_of_secrets_are_not_written_into_what_an_image_is_built_from(folder: str) -> None:
    with pytest.raises(UsageError, match=f"{folder}/secrets lies in the application's folder") as raised:
        refuse_secrets(exported(folder, "deploy"))
    assert raised.value.key == "--secrets"


@pytest.mark.parametrize(
    "folder", ["/a", "/a/exports/compose", "/a/app/deploy/exports/compose", "/a/apps", "/a/app/.git"]
)
def test_they_are_written_elsewhere_and_where_no_image_has_them(folder: str) -> None:
    refuse_secrets(exported(folder, "deploy"))


PINNED = "fastapi-cli==0.0.34"
SETUP = f"from setuptools import setup\nsetup(name='shop', version='1', install_requires=['{PINNED}'])\n"
LIBRARY = {
    "lib/pyproject.toml": '[project]\nname = "lib"\nversion = "1"\ndependencies = ["idna==3.10"]\n',
    "lib/lib.py": "",
}


def subject_of(folder: Path, files: dict[str, str], **data: object) -> Subject:
    """Return what the image of an application with these files is made from."""
    return export_of(folder, files, **data).subject


def export_of(folder: Path, files: dict[str, str], **data: object) -> Exported:
    """Return the export of an application with these files, for an image."""
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q")
    for path, text in {"main.py": "app = 1\n", **files}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    forget_sources()
    given = {"app_name": "notes", "domain": "a.example.com", "app_source": str(folder), **data}
    settings = Settings.model_validate(given)
    project = folder.with_name("project")
    return read_subject(settings, project, ENGINES["container"], "production", "buildkit", None)


@pytest.mark.parametrize(
    ("files", "copied", "install"),
    [
        ({"requirements.txt": f"{PINNED}\n"}, ["requirements.txt"], "requirements.txt"),
        (
            {"requirements.txt": f"{PINNED}\n-e ./lib\n", **LIBRARY},
            ["requirements.txt", ".container/requirements.in"],
            ".homeport/requirements.in",
        ),
        (
            {"requirements.txt": f"{PINNED}\n-e ./lib\n-c limits.txt\n", "limits.txt": "idna==3.10\n", **LIBRARY},
            ["limits.txt", "requirements.txt", ".container/constraints.txt", ".container/requirements.in"],
            ".homeport/requirements.in",
        ),
        ({"setup.py": SETUP}, [".container/requirements.in"], ".homeport/requirements.in"),
    ],
)
def test_the_layer_of_dependencies_has_all_that_its_installation_reads(
    files: dict[str, str], copied: list[str], install: str, tmp_path: Path
) -> None:
    given = subject_of(tmp_path / "app", files)
    exported_files = ENGINES["container"].files(given)
    text = exported_files["Dockerfile"].text.split(" AS code")[0]
    found = [line[7:].split('"')[0] for line in text.splitlines() if line.startswith('COPY ["')]
    assert [path for path in found if not path.endswith((".pth", "uv.txt"))] == copied
    assert f"pip install -r {install}" in text or f" {install} " in text
    assert {path for path in copied if path.startswith(".container/")} <= set(exported_files)


def test_an_application_that_has_a_setup_file_alone_is_named_by_it(tmp_path: Path) -> None:
    assert subject_of(tmp_path / "app", {"setup.py": SETUP}).code.made_from == "setup.py"


def test_an_application_of_an_image_is_not_given_the_passwords_of_visitors_either(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "secrets.env").write_text("TOKEN=1\nGUEST=let me in, please\n")
    data = {"secrets_file": "secrets.env", "basic_auth": {"guest": "GUEST", "boss": "NOT_HERE"}}
    made = subject_of(tmp_path / "app", {"requirements.txt": f"{PINNED}\n"}, **data)
    assert made.service.secret_names == ("TOKEN",)


def test_variables_of_a_committed_env_file_that_nothing_sets_are_named(tmp_path: Path) -> None:
    files = {"requirements.txt": f"{PINNED}\n", ".env": "STAGE=x\nAPI_KEY=y\n", ".env.example": "OTHER=z\n"}
    said = export_of(tmp_path / "app", files, python_version="3.13").warnings
    assert [one for one in said if ".env" in one] == [
        ".env is committed, and no image has it: set STAGE, API_KEY in environment, or in the secrets"
    ]
    both = {"STAGE": "x", "API_KEY": "y"}
    assert not [one for one in export_of(tmp_path / "set", files, environment=both).warnings if ".env" in one]


@pytest.mark.parametrize(
    ("more", "data", "warned"),
    [
        ({}, {}, True),
        ({}, {"python_version": "3.13"}, False),
        ({".python-version": "3.13\n"}, {}, False),
        ({"pyproject.toml": '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.9"\n'}, {}, False),
    ],
)
def test_a_python_that_nobody_asked_for_is_said(
    more: dict[str, str], data: dict[str, str], warned: bool, tmp_path: Path
) -> None:
    found = export_of(tmp_path / "app", {"requirements.txt": f"{PINNED}\n", **more}, **data)
    said = [one for one in found.warnings if "nothing says which Python" in one]
    assert bool(said) == warned
    assert found.subject.code.python == "3.13"
    if warned:
        assert "so the image has 3.13, for which pinned versions may have no wheels" in said[0]


def test_what_a_stage_of_the_image_makes_comes_from_there_alone(tmp_path: Path) -> None:
    files = {"requirements.txt": f"{PINNED}\n", "web/package.json": "{}"}
    data = {
        "build_commands": ["cd web && npm ci", 'echo "$HOME" >web/dist/home'],
        "build_environment": ["NPM_TOKEN"],
        "build_image": "node:22-slim",
        "release_include": ["web/dist"],
        "python_version": "3.13",
    }
    found = export_of(tmp_path / "app", files, **data)
    assert "web/dist/index.html" in Ignored(found.not_in_image)
    text = ENGINES["container"].files(found.subject)["Dockerfile"].text
    build, code = text.split("FROM node:22-slim AS build\n")[1].split("\nFROM python AS code\n")
    given = 'NPM_TOKEN="$(cat /run/secrets/NPM_TOKEN)"; export NPM_TOKEN; '
    mount = "--mount=type=secret,id=NPM_TOKEN,required=true "
    lines = [line for line in build.splitlines() if line.startswith("RUN ")]
    assert all(line.startswith(f"RUN {mount}[") for line in lines)
    run = [json.loads(line.removeprefix(f"RUN {mount}")) for line in lines]
    assert run == [["/bin/sh", "-euc", given + line] for line in data["build_commands"]]
    assert 'COPY --from=build ["/app/web/dist", "./web/dist"]' in code.splitlines()
    [step] = ENGINES["container"].next_steps(found.subject)
    assert " --secret id=NPM_TOKEN,env=NPM_TOKEN " in step
    classic = replace(found.subject, builder="classic")
    assert [key for key, *_ in ENGINES["container"].problems(classic)] == ["build_environment"]
    patterns = export_of(tmp_path / "patterns", files, **{**data, "release_include": ["web/*.css"]}).subject
    assert [key for key, *_ in ENGINES["container"].problems(patterns)] == ["release_include"]


def test_what_a_build_makes_is_in_the_image_though_git_ignores_it(tmp_path: Path) -> None:
    files = {"requirements.txt": f"{PINNED}\n", ".gitignore": "dist/\n*.log\n", "web/package.json": "{}"}
    data = {"build_commands": ["npm run build"], "release_include": ["web/dist"], "python_version": "3.13"}
    (tmp_path / "app" / "web" / "dist").mkdir(parents=True)
    (tmp_path / "app" / "web" / "dist" / "index.html").write_text("made")
    found = export_of(tmp_path / "app", files, **data)
    ignored = Ignored(found.not_in_image)
    assert "web/dist/index.html" not in ignored
    assert "web/dist/.env" in ignored
    assert "other/dist/index.html" in ignored
    assert ENGINES["container"].next_steps(found.subject)[0] == "npm run build"
    assert not found.warnings
    plain = export_of(tmp_path / "plain", files, python_version="3.13")
    assert "web/dist/index.html" in Ignored(plain.not_in_image)
