"""Packages beside the application: what counts as changed, what goes into the archive, and what is refused."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest

from homeport.source import Source

from .conftest import Repo

PIN = "fastapi-cli==0.0.34\n"
PROJECT = '[project]\nname = "near"\nversion = "1"\n'
LIBRARY = {"libs/near/pyproject.toml": PROJECT, "libs/near/near.py": "A = 1\n"}
SETTINGS = {"app_subdirectory": "api"}


@pytest.fixture
def mono(new_repo: Callable[[str], Repo]) -> Repo:
    repo = new_repo("mono")
    other = {"libs/far/far.py": "", "libs/.gitattributes": "tests export-ignore\n", "libs/near/tests/a.py": ""}
    repo.commit({**LIBRARY, **other, "api/main.py": "", "api/requirements.txt": f"{PIN}-e ../libs/near\n"})
    return repo


def files(source: Source) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(source.archive().data)) as archive:
        found = [one for one in archive.getmembers() if one.isreg()]
        return {one.name: archive.extractfile(one).read() for one in found}  # type: ignore[union-attr]


def test_the_archive_has_the_package_and_nothing_else_of_the_repository(mono: Repo) -> None:
    found = files(mono.read(**SETTINGS))
    assert {name for name in found if name.startswith(".homeport/beside")} == {
        ".homeport/beside/libs/near/near.py",
        ".homeport/beside/libs/near/pyproject.toml",
    }
    assert {name for name in found if not name.startswith(".homeport")} == {"main.py", "requirements.txt"}


def test_an_uncommitted_change_beside_the_application_counts_as_its_own(mono: Repo) -> None:
    before = mono.read(**SETTINGS)
    mono.write({"libs/far/far.py": "changed"})
    assert mono.read(**SETTINGS).tree == before.tree
    mono.write({"libs/near/near.py": "A = 2\n"})
    assert mono.refusal(**SETTINGS) == (
        f"app_ref: 1 uncommitted in {mono.path}: libs/near/near.py; "
        "commit them, or set allow_dirty=True to release the working tree as it is"
    )
    dirty = mono.read(**SETTINGS, allow_dirty=True)
    assert dirty.dirty
    assert dirty.tree != before.tree
    assert files(dirty)[".homeport/beside/libs/near/near.py"] == b"A = 2\n"


def test_what_a_package_needs_of_the_repository_comes_along(mono: Repo) -> None:
    needs = 'dependencies = ["far[fast]", "idna"]\n[tool.uv.sources]\nfar = { path = "../far" }\n'
    far = '[project]\nname = "far"\nversion = "1"\n[project.optional-dependencies]\nfast = ["h11"]\n'
    mono.commit(
        {"libs/near/pyproject.toml": LIBRARY["libs/near/pyproject.toml"] + needs, "libs/far/pyproject.toml": far}
    )
    source = mono.read(**SETTINGS)
    assert [one.place for one in source.dependencies.packages] == ["../libs/near", "../libs/far"]
    assert source.dependencies.files[0].text == f"{PIN}idna\nh11\n"
    assert ".homeport/beside/libs/far/far.py" in files(source)


@pytest.mark.parametrize(("line", "more", "said"), [
    ("-e ../libs/gone", {}, "app_source: requirements.txt names ../libs/gone, which is not in the release (no "
     "pyproject.toml or setup.py is there); commit it or remove that line"),
    ("-e ..", {}, 'app_source: requirements.txt names .., which has the application\'s own folder in it; set '
     'app_subdirectory = "" and app_entrypoint to what is served, seen from there'),
    ("-e ../../x", {}, "app_source: requirements.txt names ../../x, which is not in the repository and so not in the "
     "release; commit it below that folder, or take it from a package index"),
    ("-e ../libs/old", {"libs/old/setup.py": "from setuptools import setup\nsetup(install_requires=compute())\n"},
     "app_source: only a build would tell what ../libs/old needs: its setup.py makes install_requires by code; "
     "write a plain list: install_requires in setup.py, or dependencies of [project] in pyproject.toml"),
    ("-e ../libs/old", {"libs/old/pyproject.toml": "[tool.poetry.dependencies]\nh11 = '*'\n"},
     "app_source: only a build would tell what ../libs/old needs: its dependencies are in [tool.poetry.dependencies]; "
     "write a plain list: install_requires in setup.py, or dependencies of [project] in pyproject.toml"),
    ("-e ../libs/near[more]", {"libs/near/pyproject.toml": f"{PROJECT}dynamic = ['optional-dependencies']\n"},
     "app_source: only a build would tell what ../libs/near needs: optional-dependencies is dynamic in its "
     "pyproject.toml; write a plain list: install_requires in setup.py, or dependencies of [project] in "
     "pyproject.toml"),
    ("-e ../libs/near", {"libs/near/pyproject.toml": f"{PROJECT}dependencies = 'h11'\n"},
     "app_source: dependencies in ../libs/near/pyproject.toml does not have the expected form; correct it (uv lock "
     "checks both files) and commit"),
])  # fmt: skip
def test_what_cannot_be_released_is_refused(mono: Repo, line: str, more: dict[str, str | bytes], said: str) -> None:
    mono.commit({"api/requirements.txt": f"{PIN}{line}\n", **more})
    assert mono.refusal(**SETTINGS) == said


def test_a_requirements_file_that_is_not_there(mono: Repo) -> None:
    assert mono.refusal(**SETTINGS, requirements_file="../gone.txt") == (
        f"requirements_file: no file ../gone.txt, seen from the application's folder, in api at HEAD in {mono.path}; "
        "set it to the requirements file, or unset it"
    )


GIT = "{ git = 'https://example.com/far', rev = 'abc', subdirectory = 'python' }"
ADDRESS = "far[fast] @ git+https://example.com/far@abc#subdirectory=python ; python_version < '4'"


def needing(source: str, table: str = "tool.uv.sources") -> dict[str, str | bytes]:
    """Return a library that needs `far`, and where it says that this is from."""
    needs = f"dependencies = [\"far[fast]>=1 ; python_version < '4'\"]\n[{table}]\nfar = {source}\n"
    return {"libs/near/pyproject.toml": PROJECT + needs}


@pytest.mark.parametrize(("files", "listed", "written"), [
    (needing(GIT), "", [ADDRESS]),
    (needing(f"[{GIT}]"), "", [ADDRESS]),
    (needing(GIT), "far==1", ["far==1", ADDRESS]),
    (needing("{ url = 'https://example.com/far-1.whl' }"), "",
     ["far[fast] @ https://example.com/far-1.whl ; python_version < '4'"]),
    (needing("{ git = 'ssh://git@example.com/far', tag = 'v1' }", "tool.poetry.dependencies"), "",
     ["far[fast] @ git+ssh://git@example.com/far@v1 ; python_version < '4'"]),
    (needing("'^1.0'", "tool.poetry.dependencies"), "", ["far[fast]>=1 ; python_version < '4'"]),
    # What the requirements file itself says counts: uv puts the two lines together.
    (needing(GIT), "far @ git+https://example.com/far@main",
     ["far @ git+https://example.com/far@main", "far[fast]>=1 ; python_version < '4'"]),
    (needing(GIT), "-e git+https://example.com/far#egg=far",
     ["far @ git+https://example.com/far", "far[fast]>=1 ; python_version < '4'"]),
    (needing("{ index = 'company' }"), "--extra-index-url https://example.com/simple\nfar==1",
     ["--extra-index-url https://example.com/simple", "far==1", "far[fast]>=1 ; python_version < '4'"]),
])  # fmt: skip
def test_a_requirement_is_taken_from_where_the_package_says(
    mono: Repo, files: dict[str, str | bytes], listed: str, written: list[str]
) -> None:
    mono.commit({**files, "api/requirements.txt": f"{PIN}-e ../libs/near\n{listed}\n"})
    assert mono.read(**SETTINGS).dependencies.files[0].text == "\n".join([PIN.strip(), *written, ""])


def test_the_own_package_may_have_sources_that_the_requirements_file_lists_too(repo: Repo) -> None:
    source = f"[tool.uv.sources]\nfar = {GIT}\n"
    pyproject = f'[project]\nname = "shop"\nversion = "1"\ndependencies = ["far"]\n{source}'
    line = "far @ git+https://example.com/far@abc#subdirectory=python"
    repo.commit({"pyproject.toml": pyproject, "requirements.txt": f"{PIN}-e .\n{line}\n"})
    assert repo.read().dependencies.files[0].text == f"{PIN}{line}\nfar\n"


@pytest.mark.parametrize(("source", "said"), [
    ("{ index = 'company' }", "takes far from the index company (TABLE), which homeport cannot write into "
     "requirements; list far in requirements.txt yourself, with --extra-index-url for that index, or commit a uv.lock"),
    ("{ path = '../far-1-py3-none-any.whl' }", "takes far from the file ../far-1-py3-none-any.whl (TABLE), which "
     "homeport cannot write into requirements; list far in requirements.txt yourself, as far @ ADDRESS or as a path, "
     "or commit a uv.lock"),
    ("[{ git = 'https://example.com/far', marker = \"sys_platform == 'darwin'\" }]", "takes far from a source that "
     "depends on the machine, an extra or a group (TABLE), which homeport cannot write into requirements; list far in "
     "requirements.txt yourself, as far @ ADDRESS or as a path, or commit a uv.lock"),
    ("{ workspace = true }", "takes far from its uv workspace (TABLE), which has no member of that name; commit far "
     "and list its folder in members of [tool.uv.workspace]"),
    ("{ git = 'git@example.com:far' }", "takes far from 'git@example.com:far', which is not an address with :// "
     "(TABLE), which homeport cannot write into requirements; list far in requirements.txt yourself, as far @ ADDRESS "
     "or as a path, or commit a uv.lock"),
])  # fmt: skip
def test_a_source_that_a_requirements_file_cannot_have_is_refused(mono: Repo, source: str, said: str) -> None:
    mono.commit(needing(source))
    line = f"app_source: ../libs/near/pyproject.toml {said.replace('TABLE', '[tool.uv.sources]')}"
    assert mono.refusal(**SETTINGS) == line


@pytest.mark.parametrize("source", ["1", "'far'", "[1]", "{ path = 1 }", "{ git = 1 }", "{ index = [] }", "{ }"])
def test_a_source_of_another_shape_is_refused(mono: Repo, source: str) -> None:
    mono.commit(needing(source))
    assert mono.refusal(**SETTINGS).startswith("app_source: far in [tool.uv.sources] in ../libs/near/pyproject.toml ")


def test_a_member_of_the_packages_workspace_comes_along_and_the_roots_sources_count(mono: Repo) -> None:
    workspace = "[tool.uv.workspace]\nmembers = ['libs/*']\nexclude = ['libs/out']\n"
    sources = "[tool.uv.sources]\nfar = { workspace = true }\nidna = { git = 'https://example.com/idna' }\n"
    near = f"{PROJECT}dependencies = ['far[fast]', 'idna']\n"
    far = '[project]\nname = "Far"\nversion = "1"\n[project.optional-dependencies]\nfast = ["h11"]\n'
    out = {"libs/out/pyproject.toml": far, "libs/far/pyproject.toml": PROJECT.replace("near", "other")}
    mono.commit(
        {**out, "pyproject.toml": workspace + sources, "libs/near/pyproject.toml": near, "libs/f/pyproject.toml": far}
    )
    source = mono.read(**SETTINGS)
    assert [one.place for one in source.dependencies.packages] == ["../libs/near", "../libs/f"]
    assert source.dependencies.files[0].text == f"{PIN}idna @ git+https://example.com/idna\nh11\n"


def test_extras_that_name_extras_and_one_package_that_is_asked_for_twice(mono: Repo) -> None:
    extras = "[project.optional-dependencies]\nall = ['near[fast]']\nfast = ['h11', 'near[all]']\nmore = ['idna']\n"
    mono.commit(
        {
            "libs/near/pyproject.toml": PROJECT + extras,
            "api/requirements.txt": f"{PIN}-e ../libs/near[all]\n-e ../libs/near[more]\n",
        }
    )
    assert mono.read(**SETTINGS).dependencies.files[0].text == f"{PIN}idna\nh11\n"


@pytest.mark.parametrize(("source", "place"), [
    ("{ path = '../libs/near' }", "../libs/near"), ("{ workspace = true }", "../libs/near"),
])  # fmt: skip
def test_a_library_beside_a_pyproject_without_a_lock_is_refused_before_any_machine_looks_for_it(
    mono: Repo, source: str, place: str
) -> None:
    pyproject = '[project]\nname = "api"\nversion = "1"\ndependencies = ["fastapi-cli", "near>=1"]\n[tool.uv.sources]\n'
    mono.git("rm", "--quiet", "api/requirements.txt")
    mono.commit({"pyproject.toml": "[tool.uv.workspace]\nmembers = ['libs/*', 'api']\n"})
    mono.commit({"api/pyproject.toml": f"{pyproject}near = {source}\n"})
    assert mono.refusal(**SETTINGS) == (
        f"app_source: pyproject.toml takes near from {place} ([tool.uv.sources]), which is beside the application's "
        "folder; run uv lock and commit uv.lock, with which it comes along"
    )
    mono.commit({"api/pyproject.toml": f"{pyproject}unused = {source}\nfar = {{ git = 'https://example.com/far' }}\n"})
    assert mono.read(**SETTINGS).dependencies.kind == "pyproject"
