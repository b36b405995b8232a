"""Applications of different shapes, one after the other on one machine: the smallest of each goes the whole way.

Each imports a package of the same repository, where its shape can name one, and says what it is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from homeport.lab import Lab
from tests.lab.commands import homeport, refusal, settle_data
from tests.lab.project import UV, Project, Seen
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite, pytest.mark.sampled("file")]
MAIN = """from fastapi import FastAPI

from common import NAME


def create_app() -> FastAPI:
    app = FastAPI()

    @app.get("/health")
    def health() -> dict[str, str]:
        return {{"shape": "{shape}", "common": NAME}}

    return app


app = create_app()
"""
COMMON = {
    "libs/common/pyproject.toml": '[project]\nname = "common"\nversion = "1"\nrequires-python = ">=3.11"\n'
    'dependencies = ["idna"]\n[build-system]\nrequires = ["setuptools"]\n',
    "libs/common/src/common/__init__.py": 'import idna\n\nNAME = "first"\n',
}
PROJECT = """[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["fastapi", "uvicorn", "common"]
"""
POETRY = """[tool.poetry]
name = "shop"
version = "1"
description = ""
authors = []

[tool.poetry.dependencies]
python = "^3.11"
fastapi = "*"
uvicorn = "*"
common = { path = "../../libs/common", develop = true }
"""


class Shapes:
    """One project whose application takes one shape after the other."""

    def __init__(self, project: Project, seen: Seen) -> None:
        self.project, self.seen = project, seen

    def becomes(self, shape: str, files: dict[str, str], **settings: object) -> None:
        """Put these files in the place of all others, and say where the application is."""
        for old in self.project.git("ls-files").splitlines():
            (self.project.app / old).unlink()
        self.add({"services/api/shop/main.py": MAIN.format(shape=shape), **files})
        given: dict[str, object] = {
            "app_subdirectory": "services/api",
            "app_entrypoint": "shop/main.py:app",
            "requirements_file": "",
        }
        given |= {"build_commands": [], "release_include": []}
        settle_data(self.project, **{**given, **settings})

    def add(self, files: dict[str, str]) -> None:
        for path, text in files.items():
            (self.project.app / path).parent.mkdir(parents=True, exist_ok=True)
            (self.project.app / path).write_text(text)
        self.project.commit("change")

    def serves(self, shape: str, common: str = "first") -> None:
        self.project.deployed(self.seen.host)
        assert self.seen.get("/health") == {"shape": shape, "common": common}

    def compiled(self, *needs: str) -> str:
        """Return what is needed with versions and hashes, as uv finds them."""
        words = [str(UV), "pip", "compile", "-q", "--universal", "--python-version", "3.11", "--generate-hashes"]
        words += ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header", "-"]
        done = subprocess.run(words, input="\n".join(needs), check=True, capture_output=True, text=True)
        return done.stdout


@pytest.fixture(scope="module")
def shapes(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Shapes]:
    host = seasoned.add("shapes")
    project = Project.create(tmp_path_factory.mktemp("shapes") / "project", lab, "hello", app_name="shop")
    settle_data(project, server="uvicorn")
    yield Shapes(project, Seen(lab, host))
    lab.remove(host.name)


def test_requirements_above_the_application_with_a_package_beside_it_and_a_factory(shapes: Shapes) -> None:
    files = {
        **COMMON,
        "deployment/prod.txt": "-c limits.txt\n-r base.txt\n-e ../../libs/common\n",
        "deployment/base.txt": "fastapi\nuvicorn\n",
        "deployment/limits.txt": "uvicorn<1\n",
    }
    settings = {"requirements_file": "../../deployment/prod.txt", "app_entrypoint": "shop/main.py:create_app()"}
    shapes.becomes("requirements", files, **settings)
    shapes.serves("requirements")
    seen = shapes.seen
    environments = seen.shell("ls /srv/shop/venvs")
    shapes.add({"libs/common/src/common/__init__.py": 'NAME = "second"\n'})
    settle_data(
        shapes.project, build_commands=["mkdir web && echo $HOMEPORT_COMMIT >web/built"], release_include=["web"]
    )
    shapes.serves("requirements", "second")
    assert seen.shell("ls /srv/shop/venvs") == environments
    assert seen.shell("find /srv/shop ! -user root -print -quit") == ""
    assert seen.shell("cat /srv/shop/releases/*/web/built") == shapes.project.git("rev-parse", "HEAD")
    assert seen.shell("grep -r idna== /srv/shop/releases/*/.homeport/requirements.txt")
    before = seen.shell("ls -t /srv/shop/releases | tail -n 1")
    assert shapes.project.pyinfra(seen.host.name, "-y", release=before).returncode == 0
    assert seen.get("/health")["common"] == "first"


def test_a_poetry_lock_with_a_path_dependency(shapes: Shapes) -> None:
    lock = _poetry_lock(shapes.compiled("fastapi", "uvicorn", "idna"))
    files = {"services/api/pyproject.toml": POETRY, "services/api/poetry.lock": lock.format(hash="0" * 64)}
    shapes.becomes("poetry", {**COMMON, **files})
    told = homeport(shapes.project, "check", "lab", "--limit", shapes.seen.host.name)
    assert "run poetry lock and commit poetry.lock" in refusal(told, 2)
    shapes.add({"services/api/poetry.lock": lock.format(hash=_poetrys_hash())})
    shapes.serves("poetry")


@pytest.mark.sampled
def test_a_member_of_a_workspace_that_needs_another(shapes: Shapes) -> None:
    root = '[tool.uv.workspace]\nmembers = ["services/*", "libs/*"]\n'
    member = f"{PROJECT}[tool.uv.sources]\ncommon = {{ workspace = true }}\n"
    shapes.becomes("workspace", {**COMMON, "pyproject.toml": root, "services/api/pyproject.toml": member})
    subprocess.run([str(UV), "lock", "--quiet"], cwd=shapes.project.app, check=True)
    shapes.project.commit("lock")
    shapes.serves("workspace")


@pytest.mark.sampled
def test_a_lock_with_a_path_above_the_application(shapes: Shapes) -> None:
    member = f'{PROJECT}[tool.uv.sources]\ncommon = {{ path = "../../libs/common", editable = true }}\n'
    shapes.becomes("path", {**COMMON, "services/api/pyproject.toml": member})
    subprocess.run([str(UV), "lock", "--quiet"], cwd=shapes.project.app / "services" / "api", check=True)
    shapes.project.commit("lock")
    shapes.serves("path")


@pytest.mark.sampled
def test_a_setup_script_alone(shapes: Shapes) -> None:
    setup = "from setuptools import setup\nNEEDS = ['fastapi', 'uvicorn']\nsetup(name='shop', install_requires=NEEDS)\n"
    files = {"setup.py": setup, "common.py": 'NAME = "first"\n', "shop/main.py": MAIN.format(shape="setup")}
    shapes.becomes("setup", files, app_subdirectory="")
    shapes.serves("setup")


def _poetry_lock(compiled: str) -> str:
    """Return a poetry.lock with the versions and hashes of a requirements file, and the package beside."""
    packages = []
    for text in re.split(r"\n(?=\S)", compiled.strip()):
        name, version = text.split()[0].split("==")
        marker = re.search(r"; (.+?)\s*\\", text)
        files = "".join(f'    {{{{file = "{name}", hash = "{one}"}}}},\n' for one in re.findall(r"--hash=(\S+)", text))
        packages.append(
            f'[[package]]\nname = "{name}"\nversion = "{version}"\ndescription = ""\noptional = false\n'
            f'python-versions = "*"\ngroups = ["main"]\n'
            + (f"markers = {json.dumps(marker[1])}\n" if marker else "")
            + f"files = [\n{files}]\n"
        )
    packages.append(
        '[[package]]\nname = "common"\nversion = "1"\ndescription = ""\noptional = false\npython-versions = ">=3.11"\n'
        'groups = ["main"]\nfiles = []\ndevelop = true\n\n'
        '[package.source]\ntype = "directory"\nurl = "../../libs/common"\n'
    )
    metadata = '[metadata]\nlock-version = "2.1"\npython-versions = "^3.11"\ncontent-hash = "{hash}"\n'
    return "\n".join((*packages, metadata))


def _poetrys_hash() -> str:
    """Return what Poetry writes into a lock of this application, by the Poetry that homeport has made for itself."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    asked = (
        "import pathlib, tomllib\nfrom poetry.packages.locker import Locker\n"
        f"print(Locker(pathlib.Path('x'), tomllib.loads({POETRY!r}))._get_content_hash())"
    )
    python = next(cache.glob("homeport/tools/poetry-*/bin/python"))
    return subprocess.run([str(python), "-c", asked], check=True, capture_output=True, text=True).stdout.strip()
