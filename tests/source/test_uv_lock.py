"""uv.lock: what it installs, what it takes from the tree, and when it is stale."""

from __future__ import annotations

import pytest

from homeport.errors import UsageError
from homeport.source.uv_lock import LockSelection, read_lock


def package(name: str, source: str = 'registry = "https://index.example/simple"', rest: str = "") -> str:
    return f'[[package]]\nname = "{name}"\nversion = "1"\nsource = {{ {source} }}\n{rest}\n'


PROJECT = package(
    "my-app",
    'editable = "."',
    """dependencies = [{ name = "fastapi", extra = ["standard"] }, { name = "library" }]

[package.dev-dependencies]
dev = [{ name = "pytest" }]
prod = [{ name = "gunicorn" }]
""",
)
FASTAPI = package(
    "fastapi",
    rest='dependencies = [{ name = "starlette" }]\n'
    '[package.optional-dependencies]\nstandard = [{ name = "fastapi-cli" }]\nall = [{ name = "itsdangerous" }]\n',
)
REST = "".join(package(name) for name in ("starlette", "fastapi-cli", "itsdangerous", "pytest", "gunicorn"))
LIBRARY = package("library", 'directory = "libs/library"', 'dependencies = [{ name = "starlette" }]\n')
LOCK = "version = 1\n" + PROJECT + FASTAPI + REST + LIBRARY


def test_installed_is_what_the_project_reaches_with_the_groups_that_are_chosen() -> None:
    always = {"fastapi", "fastapi-cli", "starlette", "library"}
    assert read_lock("uv.lock", LOCK).installed == always
    assert read_lock("uv.lock", LOCK, LockSelection(groups=("prod",))).installed == {*always, "gunicorn"}


def test_installed_has_the_extras_that_are_chosen() -> None:
    more = '[package.optional-dependencies]\nall-of-it = [{ name = "gunicorn" }]\n'
    text = LOCK.replace("[package.dev-dependencies]", f"{more}\n[package.dev-dependencies]")
    assert "gunicorn" not in read_lock("uv.lock", text).installed
    assert "gunicorn" in read_lock("uv.lock", text, LockSelection(extras=("All_of.it",))).installed


def test_without_the_extra_its_packages_are_not_installed() -> None:
    lock = read_lock("uv.lock", LOCK.replace(', extra = ["standard"]', ""))
    assert "fastapi-cli" not in lock.installed
    assert "fastapi-cli" in lock.locked


def test_a_dependency_that_is_only_in_the_dev_group_is_not_installed() -> None:
    text = LOCK.replace('{ name = "fastapi", extra = ["standard"] }, ', "")
    text = text.replace('[{ name = "pytest" }]', '[{ name = "fastapi", extra = ["standard"] }]')
    assert read_lock("uv.lock", text).installed == {"library", "starlette"}


def test_a_lock_without_the_project_counts_as_installed_whole() -> None:
    assert read_lock("uv.lock", FASTAPI + REST).installed >= {"fastapi", "pytest"}


def test_dependencies_in_a_circle_end() -> None:
    text = PROJECT + LIBRARY.replace('"starlette"', '"library"') + FASTAPI.replace('"starlette"', '"my-app"') + REST
    assert "my-app" in read_lock("uv.lock", text).installed


@pytest.mark.parametrize(("source", "local"), [
    ('directory = "libs/x"', ("libs/x",)),
    ('editable = "libs/x"', ("libs/x",)),
    ('virtual = "libs/x"', ("libs/x",)),
    ('path = "wheels/x.whl"', ("wheels/x.whl",)),
    ('registry = "wheels"', ("wheels",)),
    ('registry = "/opt/wheels"', ("/opt/wheels",)),
    ('registry = "https://index.example/simple"', ()),
    ('git = "https://git.example/x?rev=main#0123"', ()),
    ('url = "https://files.example/x.whl"', ()),
    ('virtual = "."', ()),
])  # fmt: skip
def test_local_sources_are_what_comes_from_the_file_system(source: str, local: tuple[str, ...]) -> None:
    assert read_lock("uv.lock", package("x", source)).local == local


def test_folders_are_what_is_built_and_members_what_has_a_folder() -> None:
    lock = read_lock("uv.lock", LOCK + package("unused", 'editable = "libs/unused"') + package("v", 'virtual = "v"'))
    assert lock.folders == ("libs/library",)
    assert lock.local_folders == {".", "libs/library", "libs/unused", "v"}


def test_a_lock_that_is_no_toml_is_refused_in_one_line() -> None:
    with pytest.raises(UsageError) as caught:
        read_lock("uv.lock", "<<<<<<< HEAD\n")
    assert str(caught.value) == (
        "app_source: uv.lock is not valid TOML: Invalid statement (at line 1, column 1); mend it and commit"
    )
