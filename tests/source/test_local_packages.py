"""Packages beside the application: what counts as changed, what goes into the archive, and what is refused."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest

from homeport.source import Source

from .conftest import Repo

PIN = "fastapi-cli==0.0.34\n"
LIBRARY = {"libs/near/pyproject.toml": '[project]\nname = "near"\nversion = "1"\n', "libs/near/near.py": "A = 1\n"}
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
     "app_source: only a build would tell what ../libs/old needs (its dependencies are no plain list); write them "
     "down: dependencies in its pyproject.toml, or a requirements file that names all"),
    ("-e ../libs/old", {"libs/old/pyproject.toml": "[tool.poetry.dependencies]\nh11 = '*'\n"},
     "app_source: only a build would tell what ../libs/old needs (its dependencies are no plain list); write them "
     "down: dependencies in its pyproject.toml, or a requirements file that names all"),
])  # fmt: skip
def test_what_cannot_be_released_is_refused(mono: Repo, line: str, more: dict[str, str | bytes], said: str) -> None:
    mono.commit({"api/requirements.txt": f"{PIN}{line}\n", **more})
    assert mono.refusal(**SETTINGS) == said


def test_a_requirements_file_that_is_not_there(mono: Repo) -> None:
    assert mono.refusal(**SETTINGS, requirements_file="../gone.txt") == (
        f"requirements_file: no file ../gone.txt, seen from the application's folder, in api at HEAD in {mono.path}; "
        "set it to the requirements file, or unset it"
    )
