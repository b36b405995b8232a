"""Applications of different shapes, one after the other on one machine: the smallest of each goes the whole way.

Each imports a package of the same repository, where its shape can name one, and says what it is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homeport.lab import Lab
from tests.lab import newer_python
from tests.lab.commands import homeport, refusal, settle_data
from tests.lab.project import UV, Project, Seen, changes_nothing
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
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
# Its index is for whoever makes a lock.
PIPFILE = """[[source]]
url = "https://pypi.example.com/simple"
verify_ssl = true
name = "company"

[packages]
fastapi = "*"
uvicorn = "*"
"""
# What is said of a request by an application below a path, and by another that it mounts.
WITHIN = """from fastapi import FastAPI, Request

from common import NAME

app = FastAPI({words})
staff = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    return {{"shape": "{shape}", "common": NAME}}


@app.get("/who")
@staff.get("/who")
def who(request: Request) -> dict[str, str]:
    return {{"name": NAME, "root": request.scope["root_path"], "url": str(request.url)}}


app.mount("/staff", staff)
"""
REQUIREMENTS = "fastapi\nuvicorn\n"


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

    def says_it_is_below(self, place: str, name: str = "first") -> None:
        """Have what is served below `place` say so of itself, to its code and in its description."""
        url = f"https://{self.seen.host.domain}{place}/who"
        assert self.seen.get(f"{place}/who") == {"name": name, "root": place, "url": url}
        assert self.seen.get(f"{place}/openapi.json").get("servers") == ([{"url": place}] if place else None)
        assert f"url: '{place}/openapi.json'" in self.seen.curl(f"{place}/docs").stdout

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


def test_a_member_of_a_workspace_that_needs_another(shapes: Shapes) -> None:
    root = '[tool.uv.workspace]\nmembers = ["services/*", "libs/*"]\n'
    member = f"{PROJECT}[tool.uv.sources]\ncommon = {{ workspace = true }}\n"
    shapes.becomes("workspace", {**COMMON, "pyproject.toml": root, "services/api/pyproject.toml": member})
    subprocess.run([str(UV), "lock", "--quiet"], cwd=shapes.project.app, check=True)
    shapes.project.commit("lock")
    shapes.serves("workspace")


def test_a_lock_with_a_path_above_the_application(shapes: Shapes) -> None:
    member = f'{PROJECT}[tool.uv.sources]\ncommon = {{ path = "../../libs/common", editable = true }}\n'
    shapes.becomes("path", {**COMMON, "services/api/pyproject.toml": member})
    subprocess.run([str(UV), "lock", "--quiet"], cwd=shapes.project.app / "services" / "api", check=True)
    shapes.project.commit("lock")
    shapes.serves("path")


def test_a_setup_script_alone(shapes: Shapes) -> None:
    setup = "from setuptools import setup\nNEEDS = ['fastapi', 'uvicorn']\nsetup(name='shop', install_requires=NEEDS)\n"
    files = {"setup.py": setup, "common.py": 'NAME = "first"\n', "shop/main.py": MAIN.format(shape="setup")}
    shapes.becomes("setup", files, app_subdirectory="")
    shapes.serves("setup")


def test_a_pipfile_lock(shapes: Shapes) -> None:
    lock = _pipfile_lock(shapes.compiled("fastapi", "uvicorn"))
    api = "services/api"
    files = {f"{api}/Pipfile": PIPFILE, f"{api}/Pipfile.lock": lock("0"), f"{api}/common.py": 'NAME = "first"\n'}
    shapes.becomes("pipfile", files)
    told = homeport(shapes.project, "check", "lab", "--limit", shapes.seen.host.name)
    assert "run pipenv lock and commit Pipfile.lock" in refusal(told, 2)
    asked = (
        "import io\nfrom pipenv.vendor import plette\n"
        f"print(plette.Pipfile.load(io.StringIO({PIPFILE!r})).get_hash().value)"
    )
    shapes.add({f"{api}/Pipfile.lock": lock(_of_tool("pipenv", asked))})
    shapes.serves("pipfile")


def test_applications_that_an_application_mounts_below_a_root_path_of_its_own(shapes: Shapes) -> None:
    api = "services/api"
    main = WITHIN.format(shape="within", words='root_path="/v1"')
    files = {
        f"{api}/requirements.txt": REQUIREMENTS,
        f"{api}/common.py": 'NAME = "first"\n',
        f"{api}/shop/main.py": main,
    }
    shapes.becomes("within", files)
    shapes.serves("within")
    shapes.says_it_is_below("/v1")
    shapes.says_it_is_below("/v1/staff")


def test_two_applications_of_one_repository_one_below_a_path_of_the_other(shapes: Shapes) -> None:
    files = {
        path: text
        for folder, name in (("services/api", "first"), ("services/admin", "second"))
        for path, text in (
            (f"{folder}/requirements.txt", REQUIREMENTS),
            (f"{folder}/common.py", f'NAME = "{name}"\n'),
            (f"{folder}/shop/main.py", WITHIN.format(shape=folder, words="")),
        )
    }
    shapes.becomes("services/api", files)
    shapes.serves("services/api")
    project, seen = shapes.project, shapes.seen
    given = {"mounted_on": "shop", "mount_path": "/admin", "port_blue": 8101, "port_green": 8102}
    admin: dict[str, object] = {"app_name": "admin", "app_subdirectory": "services/admin", **given}
    project.deployed(seen.host, **admin)
    before = seen.shell("ls /srv/shop/releases /srv/admin/releases")
    for place, name in (("", "first"), ("/staff", "first"), ("/admin", "second"), ("/admin/staff", "second")):
        shapes.says_it_is_below(place, name)
    shapes.add({"services/admin/common.py": 'NAME = "third"\n'})
    assert changes_nothing(project.deployed(seen.host))
    project.deployed(seen.host, **admin)
    shapes.says_it_is_below("/admin/staff", "third")
    shapes.says_it_is_below("/staff")
    assert len(seen.shell("ls /srv/shop/releases /srv/admin/releases").split()) == len(before.split()) + 1


def test_a_python_that_is_newer_than_the_machines(shapes: Shapes) -> None:
    newer_python.put(shapes.seen.lab, shapes.seen.host)
    # Python 3.11 cannot read the first line.
    main = f"type Words = dict[str, str]\n{MAIN}".replace('"{shape}"', '".".join(map(str, sys.version_info[:2]))')
    files = {
        "services/api/pyproject.toml": PROJECT.replace("3.11", "3.12").replace(', "common"', ""),
        "services/api/common.py": 'NAME = "first"\n',
        "services/api/shop/main.py": f"import sys\n\n{main.format()}",
    }
    shapes.becomes("newer", files)
    told = homeport(shapes.project, "check", "lab", "--limit", shapes.seen.host.name)
    assert (told.returncode, f'set python_version = "{newer_python.VERSION}"' in told.stdout) == (0, True), told.stdout
    settle_data(shapes.project, python_version=newer_python.VERSION)
    assert f"making Python {newer_python.VERSION} available" in shapes.project.deployed(shapes.seen.host)
    shapes.serves(newer_python.VERSION)


def _poetry_lock(compiled: str) -> str:
    """Return a poetry.lock with the versions and hashes of a requirements file, and the package beside."""
    packages = []
    for name, version, marker, hashes in _pinned(compiled):
        files = "".join(f'    {{{{file = "{name}", hash = "{one}"}}}},\n' for one in hashes)
        packages.append(
            f'[[package]]\nname = "{name}"\nversion = "{version}"\ndescription = ""\noptional = false\n'
            f'python-versions = "*"\ngroups = ["main"]\n'
            + (f"markers = {json.dumps(marker)}\n" if marker else "")
            + f"files = [\n{files}]\n"
        )
    packages.append(
        '[[package]]\nname = "common"\nversion = "1"\ndescription = ""\noptional = false\npython-versions = ">=3.11"\n'
        'groups = ["main"]\nfiles = []\ndevelop = true\n\n'
        '[package.source]\ntype = "directory"\nurl = "../../libs/common"\n'
    )
    metadata = '[metadata]\nlock-version = "2.1"\npython-versions = "^3.11"\ncontent-hash = "{hash}"\n'
    return "\n".join((*packages, metadata))


def _pipfile_lock(compiled: str) -> Callable[[str], str]:
    """Return what makes a Pipfile.lock, with a hash of its Pipfile, of a requirements file's versions and hashes."""
    default = {
        name: {"hashes": hashes, "version": f"=={version}", **({"markers": marker} if marker else {})}
        for name, version, marker, hashes in _pinned(compiled)
    }
    meta = {"pipfile-spec": 6, "requires": {}, "sources": []}
    return lambda its: json.dumps({"_meta": {"hash": {"sha256": its}, **meta}, "default": default, "develop": {}})


def _pinned(compiled: str) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield name, version, marker ("" for none) and hashes of what uv has compiled."""
    for text in re.split(r"\n(?=\S)", compiled.strip()):
        name, version = text.split()[0].split("==")
        marker = re.search(r"; (.+?)\s*\\", text)
        yield name, version, marker[1] if marker else "", re.findall(r"--hash=(\S+)", text)


def _poetrys_hash() -> str:
    """Return what Poetry writes into a lock of this application."""
    asked = (
        "import pathlib, tomllib\nfrom poetry.packages.locker import Locker\n"
        f"print(Locker(pathlib.Path('x'), tomllib.loads({POETRY!r}))._get_content_hash())"
    )
    return _of_tool("poetry", asked)


def _of_tool(tool: str, program: str) -> str:
    """Run a program with the Poetry, or Pipenv, that homeport has made for itself."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    python = next(cache.glob(f"homeport/tools/{tool}-*/bin/python"))
    return subprocess.run([str(python), "-c", program], check=True, capture_output=True, text=True).stdout.strip()
