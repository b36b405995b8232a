"""Which dependencies a release has, what its environment's name depends on, and which are refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeport.errors import UsageError
from homeport.service.environment import install_environment
from homeport.settings.server import ServerChoice
from homeport.source.dependencies import Application, Dependencies, decide_dependencies
from homeport.source.dependency_options import DependencyOptions
from homeport.source.repository_view import RepositoryView

from .test_uv_lock import LOCK, package

COPIES = ("--compile-bytecode", "--link-mode", "copy")
SYNC = ("sync", "--frozen", "--no-editable", "--no-install-project", *COPIES, "--no-dev")
PYPROJECT = '[project]\nname = "my-app"\nversion = "1"\ndependencies = ["fastapi[standard]", "library"]\n'
HATCHLING = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
LOCKED = {"pyproject.toml": PYPROJECT, "uv.lock": LOCK, "libs/library/pyproject.toml": HATCHLING, "main.py": ""}


def decide(
    files: dict[str, str], python_version: str | None = None, tree: str = "t1", wishes: DependencyOptions | None = None
) -> Dependencies:
    view = RepositoryView("", files.get)
    application = Application(files.keys(), files.get, tree, "at HEAD in /app", view=view)
    return decide_dependencies(application, wishes or DependencyOptions(python_version))


def refusal(files: dict[str, str], wishes: DependencyOptions | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        decide(files, wishes=wishes)
    return str(caught.value)


# --- kinds and commands ---


def test_a_lock_is_synced_without_the_project_and_without_dev_dependencies() -> None:
    found = decide(LOCKED)
    assert (found.kind, found.install, found.warnings) == ("uv-lock", (SYNC,), ())


def test_requirements_are_installed() -> None:
    found = decide({"requirements.txt": "fastapi[standard]\n"})
    assert (found.kind, found.warnings) == ("requirements", ())
    assert found.install == (("pip", "install", "-r", "requirements.txt", *COPIES),)


@pytest.mark.parametrize("files", [
    {"requirements.txt": "fastapi-cli==1 --hash=sha256:0\n"},
    {"requirements.txt": "-r lock.txt\n", "lock.txt": "fastapi_cli==1 \\\n  --hash=sha256:0\n"},
    {"requirements.txt": "--require-hashes\nfastapi-cli==1\n"},
])  # fmt: skip
def test_hashes_are_required_as_soon_as_there_is_one(files: dict[str, str]) -> None:
    assert decide(files).install[0][-1] == "--require-hashes"


def test_a_bare_pyproject_gives_its_dependencies_and_a_warning() -> None:
    found = decide({"pyproject.toml": PYPROJECT})
    assert found.kind == "pyproject"
    assert found.install == (("pip", "install", "-r", "pyproject.toml", *COPIES),)
    assert found.open_versions
    assert (found.open_versions.file, found.open_versions.obstacle) == ("pyproject.toml", "")


def test_the_order_is_lock_requirements_pyproject() -> None:
    both = {**LOCKED, "requirements.txt": "fastapi\n"}
    assert decide(both).kind == "uv-lock"
    del both["uv.lock"]
    assert decide(both).kind == "requirements"
    assert decide({"uv.lock": LOCK, "requirements.txt": "fastapi\n"}).kind == "requirements"


def test_the_environments_variables_name_it_and_hold_its_python() -> None:
    assert install_environment("/srv/notes/venvs/abc") == {
        "VIRTUAL_ENV": "/srv/notes/venvs/abc",
        "UV_PROJECT_ENVIRONMENT": "/srv/notes/venvs/abc",
        "UV_PYTHON": "/srv/notes/venvs/abc/bin/python",
        "UV_PYTHON_DOWNLOADS": "never",
    }


# --- the digest ---

PLAIN_LOCK = LOCK.replace('directory = "libs/library"', 'registry = "https://index.example/simple"')
WITHOUT_LOCAL = {**LOCKED, "uv.lock": PLAIN_LOCK}


@pytest.mark.parametrize("files", [WITHOUT_LOCAL, {"requirements.txt": "fastapi\n"}, {"pyproject.toml": PYPROJECT}])
def test_the_code_does_not_change_the_environment(files: dict[str, str]) -> None:
    assert decide({**files, "main.py": "# changed"}, tree="t2") == decide(files, tree="t1")


@pytest.mark.parametrize("change", [
    {"uv.lock": PLAIN_LOCK + "\n"},
    {".python-version": "3.12\n"},
    {"uv.toml": "no-binary = true\n"},
    {"pyproject.toml": PYPROJECT + "[tool.uv]\ndefault-groups = ['prod']\n"},
])  # fmt: skip
def test_everything_that_uv_takes_into_account_changes_it(change: dict[str, str]) -> None:
    assert decide({**WITHOUT_LOCAL, **change}).digest != decide(WITHOUT_LOCAL).digest


def test_the_python_version_changes_it() -> None:
    digests = {decide(WITHOUT_LOCAL, version).digest for version in (None, "3.11", "3.12", "3.12.1")}
    assert len(digests) == 4


def test_other_tools_in_pyproject_do_not_change_a_locked_environment() -> None:
    other = PYPROJECT + "[tool.ruff]\nline-length = 100\n"
    assert decide({**WITHOUT_LOCAL, "pyproject.toml": other}) == decide(WITHOUT_LOCAL)


@pytest.mark.parametrize("files", [
    LOCKED,
    {"requirements.txt": "./libs/a\n", "libs/a/pyproject.toml": HATCHLING},
    {"requirements.txt": ".\n", "pyproject.toml": PYPROJECT + HATCHLING},
    {"requirements.txt": "wheels/a.whl\n", "wheels/a.whl": ""},
    {"requirements.txt": "-f ./wheels\na\n", "wheels/a.whl": ""},
])  # fmt: skip
def test_local_sources_make_the_environment_depend_on_the_tree(files: dict[str, str]) -> None:
    assert decide(files, tree="t1").digest != decide(files, tree="t2").digest
    assert decide(files, tree="t1").digest == decide(files, tree="t1").digest


lines = st.lists(st.from_regex(r"[a-z]{1,8}==[0-9]{1,3}", fullmatch=True), max_size=4).map("\n".join)


@settings(max_examples=40)
@given(lines, lines, lines, lines)
def test_any_change_in_an_included_file_gives_another_environment(a: str, b: str, c: str, d: str) -> None:
    def digest(base: str, limits: str) -> str:
        top = "-r base.txt\n-c limits.txt\n"
        return decide({"requirements.txt": top, "base.txt": base, "limits.txt": limits}).digest

    assert (digest(a, b) == digest(c, d)) == ((a, b) == (c, d))


# --- what is refused ---


def test_nothing_to_install_from() -> None:
    assert refusal({"main.py": ""}) == (
        "app_source: no uv.lock, requirements.txt, pyproject.toml or setup.py at HEAD in /app; "
        "commit one (uv init --bare && uv add 'fastapi[standard]'), set requirements_file to a file of another name, "
        "or app_subdirectory to where it is"
    )


@pytest.mark.parametrize(("files", "lock"), [
    ({**LOCKED, "uv.lock": LOCK.replace(', extra = ["standard"]', "")}, "uv.lock"),
    ({"requirements.txt": "fastapi==1 --hash=sha256:0\n"}, "requirements.txt"),
])  # fmt: skip
def test_a_lock_without_the_fastapi_command(files: dict[str, str], lock: str) -> None:
    assert refusal(files) == (
        f"app_source: the dependencies in {lock} do not install the fastapi command; add fastapi[standard] and lock "
        'again, or set server = "uvicorn"'
    )


def test_unlocked_requirements_may_bring_the_command_by_themselves() -> None:
    assert decide({"requirements.txt": "our-platform\n"}).kind == "requirements"


def test_a_stale_lock() -> None:
    changed = PYPROJECT.replace('"library"', '"library", "httpx>=0.27", "redis"')
    assert refusal({**LOCKED, "pyproject.toml": changed}) == (
        "app_source: uv.lock is older than pyproject.toml: it was not made for httpx>=0.27, redis; run uv lock and "
        "commit uv.lock"
    )


def test_a_lock_that_names_what_is_not_in_the_release() -> None:
    assert refusal({k: v for k, v in LOCKED.items() if not k.startswith("libs")}) == (
        "app_source: uv.lock names libs/library, which is not in the release; commit it or lock without it"
    )
    outside = LOCK + package("x", 'path = "../wheels/x.whl"')
    assert refusal({**LOCKED, "uv.lock": outside}) == (
        "app_source: uv.lock names ../wheels/x.whl, which is not below the application's folder and so not in the "
        "release; commit it below that folder, or take it from a package index"
    )


def test_requirements_that_name_what_is_not_in_the_release() -> None:
    assert refusal({"requirements.txt": "./libs/gone\n"}) == (
        "app_source: requirements.txt names libs/gone, which is not in the release; commit it or remove that line"
    )


@pytest.mark.parametrize("build", ["", '[build-system]\nrequires = ["setuptools"]\n',
                                   '[build-system]\nbuild-backend = "setuptools.build_meta"\n'])  # fmt: skip
def test_a_local_dependency_that_setuptools_would_build_in_its_folder_is_imported(build: str) -> None:
    project = '[project]\nname = "library"\nversion = "1"\ndependencies = ["h11>=0.14"]\n'
    found = decide({**LOCKED, "libs/library/pyproject.toml": build})
    assert [one.place for one in found.packages] == ["libs/library"]
    assert found.install[0][-2:] == ("--no-install-package", "library")
    found = decide({"requirements.txt": "./libs/library\n", "libs/library/pyproject.toml": project + build})
    assert [one.place for one in found.packages] == ["libs/library"]
    assert [file.text for file in found.files] == ["h11>=0.14\n"]


def test_a_pyproject_without_readable_dependencies() -> None:
    assert refusal({"pyproject.toml": "[tool.poetry]\nname = 'x'\n"}) == (
        "app_source: pyproject.toml has no [project] table to read dependencies from; add one, or a requirements.txt"
    )
    assert refusal({"pyproject.toml": "[project]\nname='x'\ndynamic=['dependencies']\n"}) == (
        "app_source: the dependencies in pyproject.toml are dynamic, so only a build of the application would "
        "tell them; run uv lock and commit uv.lock"
    )
    assert refusal({"pyproject.toml": "[project\n"}).startswith("app_source: pyproject.toml is not valid TOML: ")


@pytest.mark.parametrize("files", [
    {"pyproject.toml": "project = 1\n"},
    {"pyproject.toml": "tool = 1\n[project]\nname = 'x'\n"},
    {"pyproject.toml": "[project]\ndependencies = 1\n", "uv.lock": LOCK, "libs/library/pyproject.toml": ""},
    {"pyproject.toml": "[project]\n", "uv.lock": "package = 1\n"},
    {"pyproject.toml": "[project]\n", "uv.lock": "package = [1]\n"},
    {"pyproject.toml": "[project]\n", "uv.lock": "[[package]]\n"},
    {"pyproject.toml": "[project]\n", "uv.lock": '[[package]]\nname = "a"\nsource = 1\n'},
    {"requirements.txt": "./a\n", "a/pyproject.toml": "build-system = 1\n"},
])  # fmt: skip
def test_files_of_another_shape_are_refused_in_one_line(files: dict[str, str]) -> None:
    assert "does not have the expected form" in refusal(files)


# --- Python, extras, groups, server ---


def test_a_python_that_no_system_has_is_refused_where_uv_insists_on_it() -> None:
    new = PYPROJECT.replace('version = "1"', 'version = "1"\nrequires-python = ">=3.15"')
    assert refusal({**LOCKED, "pyproject.toml": new}) == (
        "python_version: the application requires Python >=3.15, which no supported system has of its own; "
        "see requires-python in pyproject.toml"
    )
    found = decide({"pyproject.toml": new, "requirements.txt": "fastapi[standard]\n"})
    assert found.requires_python == ""
    assert found.warnings[0].startswith("the application requires Python >=3.15; Debian 12 has 3.11 and Debian 13")


def test_the_lock_says_which_python_the_host_must_have() -> None:
    new = PYPROJECT.replace('version = "1"', 'version = "1"\nrequires-python = ">=3.12"')
    found = decide({**LOCKED, "pyproject.toml": new})
    assert found.requires_python == ">=3.12"
    assert found.warnings == (
        'the application requires Python >=3.12; Debian 12 has 3.11: set python_version = "3.13"',
    )


MORE = PYPROJECT + '[project.optional-dependencies]\nfast = ["h11"]\n[dependency-groups]\nprod = []\ndev = []\n'


def test_extras_and_groups_are_installed_when_they_are_asked_for() -> None:
    wishes = DependencyOptions(extras=("fast",), groups=("prod",))
    options = ("--extra", "fast", "--group", "prod")
    locked = decide({**LOCKED, "pyproject.toml": MORE}, wishes=wishes)
    assert locked.install == ((*SYNC, *options),)
    bare = decide({"pyproject.toml": MORE}, wishes=wishes)
    assert bare.install == (("pip", "install", "-r", "pyproject.toml", *COPIES, *options),)
    assert bare.digest != decide({"pyproject.toml": MORE}).digest
    with_dev = decide({**LOCKED, "pyproject.toml": MORE}, wishes=DependencyOptions(groups=("dev",)))
    assert with_dev.install == ((*SYNC[:-1], "--group", "dev"),)


def test_extras_and_groups_that_are_not_there_are_refused() -> None:
    assert refusal({"pyproject.toml": MORE}, DependencyOptions(extras=("slow",))) == (
        "dependency_extras: pyproject.toml has no slow (there are: fast); name one that it has"
    )
    assert refusal({"pyproject.toml": PYPROJECT}, DependencyOptions(groups=("prod",))) == (
        "dependency_groups: pyproject.toml has no prod (there are none); name one that it has"
    )
    assert refusal({"requirements.txt": "fastapi\n"}, DependencyOptions(groups=("prod",))).startswith(
        "dependency_groups: req"
    )


def test_another_server_is_looked_for_in_the_lock_and_has_an_environment_of_its_own() -> None:
    uvicorn = DependencyOptions(server=ServerChoice("uvicorn"))
    assert "do not contain uvicorn" in refusal(LOCKED, uvicorn)
    lock = LOCK.replace("fastapi-cli", "uvicorn")
    there = decide({**LOCKED, "uv.lock": lock}, wishes=uvicorn)
    assert there.digest != decide({"requirements.txt": "uvicorn\n"}).digest
    assert "fastapi command" in refusal({**LOCKED, "uv.lock": lock})
