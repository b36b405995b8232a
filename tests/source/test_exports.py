"""Locks of Poetry and Pipenv: what is read of them, and what their own tools make of them, run as they are."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from homeport.errors import UsageError
from homeport.source import Source
from homeport.source.exporting import exported
from homeport.source.exports import Export, exported_text, python_required, read_pipfile_lock, read_poetry_lock

from .conftest import Repo
from .test_uv import Host

H11 = "sha256:63cf8bbe7522de3bf65932fda1d9c2772064ffb3dae62d55932da54b31cb6c86"
LIBRARY = {
    "libs/near/pyproject.toml": '[project]\nname = "near"\nversion = "1"\nrequires-python = ">=3.11"\n',
    "libs/near/src/near/__init__.py": "",
}
OLD = """[tool.poetry]
name = "shop"
version = "1.2"
description = ""
authors = []

[tool.poetry.dependencies]
python = "^3.11"
h11 = "0.16.0"
near = { path = "../libs/near", develop = true }
"""
PIPFILE = """[[source]]
url = "https://pypi.example.com/simple"
verify_ssl = true
name = "company"

[packages]
h11 = "==0.16.0"
"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is made for the tools for this file's tests alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def of_tool(tool: str, text: str) -> str:
    """Run a piece of Python in the environment that was made for a tool."""
    python = next((Path(os.environ["XDG_CACHE_HOME"]) / "homeport" / "tools").glob(f"{tool}-*/bin/python"))
    return subprocess.run([str(python), "-c", text], check=True, capture_output=True, text=True).stdout.strip()


def package(name: str, more: str = "", groups: str = '["main"]') -> str:
    return (
        f'[[package]]\nname = "{name}"\nversion = "0.16.0"\ndescription = ""\noptional = false\n'
        f'python-versions = ">=3.8"\ngroups = {groups}\n{more}\n'
    )


def poetry_lock(content_hash: str) -> str:
    files = f'files = [\n    {{file = "h11-0.16.0-py3-none-any.whl", hash = "{H11}"}},\n]\n'
    windows = f"markers = \"sys_platform == 'win32'\"\n{files}"
    near = 'files = []\ndevelop = true\n\n[package.source]\ntype = "directory"\nurl = "../libs/near"\n'
    return (
        package("h11", files) + package("fastapi-cli", windows) + package("near", near)
        + f'[metadata]\nlock-version = "2.1"\npython-versions = "^3.11"\ncontent-hash = "{content_hash}"\n'
    )  # fmt: skip


def read(repo: Repo, **settings: object) -> Source:
    return exported(repo.read(**settings))


def test_a_poetry_lock_is_exported_by_poetry_and_its_path_dependency_imported(
    tools: None, new_repo: Callable[[str], Repo], tmp_path: Path
) -> None:
    repo = new_repo("mono")
    files = {**LIBRARY, "api/shop/__init__.py": "", "api/shop/main.py": "", "api/pyproject.toml": OLD}
    settings = {"app_subdirectory": "api", "app_entrypoint": "shop.main"}
    repo.commit({**files, "api/poetry.lock": poetry_lock("0" * 64)})
    with pytest.raises(UsageError) as caught:
        read(repo, **settings)
    assert str(caught.value) == (
        "app_source: poetry cannot read poetry.lock: pyproject.toml changed significantly since poetry.lock was last "
        "generated. Run `poetry lock` to fix the lock file; run poetry lock and commit poetry.lock"
    )
    asked = (
        "import tomllib, pathlib\nfrom poetry.packages.locker import Locker\n"
        f"data = tomllib.loads({OLD!r})\nprint(Locker(pathlib.Path('x'), data)._get_content_hash())"
    )
    repo.commit({"api/poetry.lock": poetry_lock(of_tool("poetry", asked))})
    source = read(repo, **settings)
    [file] = [one for one in source.dependencies.files if one.path == ".homeport/requirements.txt"]
    assert "\nh11==0.16.0 ; " in file.text
    assert f"--hash={H11}" in file.text
    assert "near" not in file.text
    assert source.dependencies.install[0][-1] == "--require-hashes"
    there = Host(tmp_path / "host", source)
    assert there.install() is None
    assert there.imports("near") == ".homeport/beside/libs/near/src/near/__init__.py"
    assert there.version("shop") == "1.2"


def test_a_poetry_project_without_a_lock_leaves_open_what_poetry_itself_says_it_needs(
    tools: None, new_repo: Callable[[str], Repo]
) -> None:
    repo = new_repo("shop")
    text = OLD.replace('near = { path = "../libs/near", develop = true }\n', "")
    more = 'idna = { version = "^3.4", optional = true }\n[tool.poetry.extras]\nnames = ["idna"]\n'
    repo.commit({"main.py": "", "pyproject.toml": text.replace('h11 = "0.16.0"', 'h11 = "^0.14"') + more})
    found = read(repo).dependencies
    assert [one.text for one in found.files] == ["h11 (>=0.14,<0.15)\n"]
    assert found.open_versions
    assert (found.open_versions.file, found.open_versions.names) == ("pyproject.toml", ("h11",))
    assert "idna" in read(repo, dependency_extras=["names"]).dependencies.files[0].text


def test_a_pipfile_lock_is_exported_by_pipenv(tools: None, new_repo: Callable[[str], Repo]) -> None:
    entry = {"hashes": [H11], "version": "==0.16.0", "index": "company", "markers": "python_version >= '3.8'"}
    hash_of = {"sha256": "0"}
    data = {
        "_meta": {"hash": hash_of, "pipfile-spec": 6, "requires": {}, "sources": []},
        "default": {"h11": entry, "fastapi-cli": entry},
        "develop": {"idna": entry},
    }
    repo = new_repo("shop")
    repo.commit({"main.py": "", "Pipfile": PIPFILE, "Pipfile.lock": json.dumps(data)})
    with pytest.raises(UsageError) as caught:
        read(repo)
    assert str(caught.value).startswith("app_source: pipenv cannot read Pipfile.lock: ")
    assert str(caught.value).endswith("; run pipenv lock and commit Pipfile.lock")
    asked = (
        "import io\nfrom pipenv.vendor import plette\n"
        f"print(plette.Pipfile.load(io.StringIO({PIPFILE!r})).get_hash().value)"
    )
    hash_of["sha256"] = of_tool("pipenv", asked)
    repo.commit({"Pipfile.lock": json.dumps(data)})
    found = read(repo).dependencies
    [file] = found.files
    assert f"h11==0.16.0; python_version >= '3.8' --hash={H11}" in file.text
    assert "idna" not in file.text
    assert found.kind == "pipfile-lock"


def test_what_a_lock_says_of_names_versions_and_folders() -> None:
    found = read_poetry_lock(poetry_lock("") + package("pytest", groups='["dev"]'))
    assert found.names == {"h11", "fastapi-cli", "near"}
    assert (found.versions["h11"], found.folders) == ("0.16.0", ("../libs/near",))
    lock = {"default": {"A_b": {"version": "==1"}, "near": {"path": "./libs/near", "editable": True}}}
    assert read_pipfile_lock(json.dumps(lock)).folders == ("libs/near",)
    assert read_pipfile_lock(json.dumps(lock)).versions == {"a-b": "1"}
    for text in ("[]", "no", '{"default": 1}'):
        with pytest.raises(UsageError, match=r"Pipfile.lock is not a lock that Pipenv has written; run pipenv lock"):
            read_pipfile_lock(text)


def test_a_wheel_of_the_repository_is_a_file_and_no_folder() -> None:
    file = 'files = [{file = "tiny-1-py3-none-any.whl", hash = "sha256:0"}]\n'
    source = '[package.source]\ntype = "file"\nurl = "wheels/tiny-1-py3-none-any.whl"\n'
    found = read_poetry_lock(package("tiny", file + source))
    assert (found.folders, found.files) == ((), {"wheels/tiny-1-py3-none-any.whl": ("sha256:0",)})
    lock = {
        "default": {"tiny": {"path": "./wheels/tiny-1-py3-none-any.whl", "hashes": ["sha256:0"]}, "x": {"path": "./x"}},
        "develop": {"far": {"file": "wheels/far-1.tar.gz"}, "url": {"file": "https://example.com/a-1.whl"}},
    }
    text = json.dumps(lock)
    assert read_pipfile_lock(text).files == {"wheels/tiny-1-py3-none-any.whl": ("sha256:0",)}
    assert read_pipfile_lock(text).folders == ("x",)
    assert set(read_pipfile_lock(text, ("dev-packages",)).files) == {
        "wheels/tiny-1-py3-none-any.whl", "wheels/far-1.tar.gz"
    }  # fmt: skip


def test_what_is_locked_for_a_group_counts_when_the_group_is_asked_for() -> None:
    source = '[package.source]\ntype = "directory"\nurl = "../libs/near"\n'
    text = package("near", source, groups='["Web_app"]')
    assert read_poetry_lock(text).folders == ()
    assert read_poetry_lock(text, groups=("web-app",)).folders == ("../libs/near",)


def printed(output: str, hashes: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> str:
    export = Export("poetry.lock", "poetry", (), "api", (), imported=("../libs/near",), hashes=hashes)
    return exported_text(output, export, "/x/api")


def test_what_a_tool_prints_of_the_repository_itself() -> None:
    output = (
        "-i https://example.com/simple\n-e file:///x/libs/near ; python_version > '3'\n-e .\na==1 \\\n    --hash=x:1\n"
        "near @ file:///x/libs/near ; python_version > '3'\n"
    )
    assert printed(output) == "-i https://example.com/simple\na==1 --hash=x:1\n"
    wheel = "tiny @ file:///x/api/my%2Bwheels/tiny-1.whl ; python_version > '3' --hash=x:1\n"
    assert printed(wheel) == "tiny @ ./my+wheels/tiny-1.whl ; python_version > '3' --hash=x:1\n"
    given = (("wheels/tiny-1.whl", ("x:1", "x:2")),)
    assert printed("./wheels/tiny-1.whl", given) == "./wheels/tiny-1.whl --hash=x:1 --hash=x:2\n"


@pytest.mark.parametrize(("line", "said"), [
    ("far @ file:///x/libs/far", "app_source: poetry.lock needs ../libs/far, a folder of the repository, and there is "
     "no lock that says what that needs; run poetry lock and commit its lock"),
    ("far @ file:///x/far-1.whl", "app_source: poetry.lock names ../far-1.whl, a file beside the application's folder, "
     "which is not in the release; commit it below that folder, or take it from a package index"),
])  # fmt: skip
def test_nothing_that_a_tool_prints_is_left_out_without_a_word(line: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        printed(line)
    assert str(caught.value) == said


def test_a_wheel_that_a_lock_names_has_to_be_in_the_release(new_repo: Callable[[str], Repo]) -> None:
    repo = new_repo("shop")
    wheel = 'files = []\n[package.source]\ntype = "file"\nurl = "{}/tiny-1-py3-none-any.whl"\n'
    repo.commit({"main.py": "", "pyproject.toml": OLD, "poetry.lock": package("tiny", wheel.format("wheels"))})
    assert repo.refusal() == (
        "app_source: poetry.lock names wheels/tiny-1-py3-none-any.whl, which is not in the release; "
        "commit it or lock without it"
    )
    lock = {"default": {"fastapi-cli": {}, "tiny": {"path": "../tiny-1.whl"}}}
    repo.commit({"app/main.py": "", "app/Pipfile.lock": json.dumps(lock), "tiny-1.whl": "w"})
    assert repo.refusal(app_subdirectory="app") == (
        "app_source: Pipfile.lock names ../tiny-1.whl, a file beside the application's folder, which is not in the "
        "release; commit it below that folder, or take it from a package index"
    )


def wheel() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        opened.writestr("tiny.py", "")
        opened.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        tag = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        opened.writestr("tiny-1.dist-info/WHEEL", tag)
        opened.writestr("tiny-1.dist-info/RECORD", "")
    return content.getvalue()


def test_a_wheel_of_a_pipfile_lock_is_installed_from_the_release(
    tools: None, new_repo: Callable[[str], Repo], tmp_path: Path
) -> None:
    name, content = "wheels/tiny-1-py3-none-any.whl", wheel()
    hashes = [f"sha256:{hashlib.sha256(content).hexdigest()}"]
    data = {
        "_meta": {"hash": {"sha256": "0"}, "pipfile-spec": 6, "requires": {}, "sources": []},
        "default": {
            "fastapi-cli": {"hashes": [H11], "version": "==0.16.0", "markers": "sys_platform == 'win32'"},
            "tiny": {"path": f"./{name}", "hashes": hashes},
        },
        "develop": {},
    }
    repo = new_repo("shop")
    repo.commit({"main.py": "", "Pipfile.lock": json.dumps(data), name: content})
    source = read(repo)
    assert f"./{name} --hash={hashes[0]}\n" in source.dependencies.files[0].text
    assert source.dependencies.install[0][-1] == "--require-hashes"
    there = Host(tmp_path / "host", source)
    assert there.install() is None
    assert there.version("tiny") == "1"


def test_a_poetry_project_without_a_lock_needs_one_for_a_folder_of_the_repository(
    tools: None, new_repo: Callable[[str], Repo]
) -> None:
    repo = new_repo("shop")
    near = {"near/pyproject.toml": LIBRARY["libs/near/pyproject.toml"]}
    repo.commit({"main.py": "", "pyproject.toml": OLD.replace("../libs/near", "near"), **near})
    with pytest.raises(UsageError) as caught:
        read(repo)
    assert str(caught.value) == (
        "app_source: pyproject.toml needs near, a folder of the repository, and there is no lock that says what that "
        "needs; run poetry lock and commit its lock"
    )
    two = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["near", "fastapi-cli"]\n'
    repo.commit({"pyproject.toml": f"{two}[tool.poetry.dependencies]\nnear = {{ path = 'near' }}\n"})
    assert repo.refusal() == (
        "app_source: pyproject.toml says in [tool.poetry.dependencies] where near is from, which only Poetry's lock "
        "can keep; run poetry lock and commit poetry.lock"
    )


@pytest.mark.parametrize(("asked", "range_"), [
    ("^3.11", ">=3.11,<4"), ("~3.11", ">=3.11,<3.12"), (">=3.9,<3.13", ">=3.9,<3.13"), ("3.11.*", "==3.11.*"),
    ("*", ""), ("~2.7 || ^3.6", ""), (">=3.9 <4", ">=3.9,<4"), ("!=3.9.7", "!=3.9.7"), ("~=3.11", "~=3.11"),
])  # fmt: skip
def test_poetrys_ranges_of_python(asked: str, range_: str) -> None:
    assert python_required({"dependencies": {"python": asked}}) == range_
