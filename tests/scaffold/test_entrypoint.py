"""Where the application is, among the files of a repository."""

from __future__ import annotations

import pytest

from homeport.errors import UsageError
from homeport.scaffold.entrypoint import find_entrypoint, find_folder, is_application_code
from homeport.source.code import Code

APP = Code(applications=("app",))
MADE = Code(made=("app",))
FACTORY = Code(factories=("create_app",))
NOTHING = Code()


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        ({"main.py", "requirements.txt"}, ""),
        ({"src/shop/main.py", "pyproject.toml"}, ""),
        ({"services/api/main.py", "services/api/requirements.txt", "web/package.json"}, "services/api"),
        ({"services/api/app/main.py", "services/api/uv.lock", "pyproject.toml"}, "services/api"),
        ({"main.py", "requirements.txt", "extra/main.py", "extra/requirements.txt"}, ""),
        ({"main.py"}, ""),
    ],
)
def test_the_folder_is_the_nearest_one_with_dependencies(files: set[str], folder: str) -> None:
    modules = {path: APP for path in files if path.endswith(".py")}
    assert find_folder(files, modules) == folder


def test_several_applications_are_not_chosen_between() -> None:
    files = {"a/main.py", "a/requirements.txt", "b/main.py", "b/requirements.txt"}
    with pytest.raises(UsageError, match=r"several applications: a, b; name one, as in: homeport init a"):
        find_folder(files, {"a/main.py": APP, "b/main.py": APP})


def test_a_repository_without_an_application() -> None:
    with pytest.raises(UsageError, match="no module here creates a FastAPI application"):
        find_folder({"main.py"}, {"main.py": NOTHING})


@pytest.mark.parametrize(
    ("modules", "found"),
    [
        ({"main.py": APP, "other.py": APP}, "main.py"),
        ({"app/main.py": APP, "app/deep/main.py": APP}, "app/main.py"),
        ({"app.py": APP, "main.py": NOTHING}, "app.py"),
        ({"src/shop/main.py": APP, "src/shop/admin/main.py": APP}, "src/shop/main.py"),
        ({"shop/server.py": APP, "shop/zebra.py": APP}, "shop/server.py"),
        ({"shop/web.py": Code(applications=("web",))}, "shop/web.py:web"),
        ({"main.py": Code(applications=("admin", "app"))}, "main.py"),
        ({"main.py": Code(applications=("admin", "application"))}, "main.py:application"),
        ({"main.py": MADE, "web.py": APP}, "web.py"),
        ({"asgi.py": MADE, "factory.py": NOTHING}, "asgi.py"),
        ({"asgi.py": MADE, "factory.py": FACTORY}, "asgi.py"),
        ({"shop/main.py": FACTORY, "shop/other.py": NOTHING}, "shop/main.py:create_app()"),
    ],
)
def test_the_entry_point(modules: dict[str, Code], found: str) -> None:
    assert find_entrypoint(modules) == found


def test_two_equal_entry_points_are_refused() -> None:
    with pytest.raises(UsageError, match=r"one/main.py, two/main.py; name one: --entrypoint one/main.py"):
        find_entrypoint({"two/main.py": APP, "one/main.py": APP})


@pytest.mark.parametrize(
    "path",
    ["tests/main.py", "a/test_x.py", "conftest.py", "docs/main.py", ".venv/main.py", "main.txt", "migrations/env.py"],
)
def test_other_folders_are_not_the_application(path: str) -> None:
    assert not is_application_code(path)


@pytest.mark.parametrize("path", ["main.py", "src/a/testing_ground.py", "contests/main.py", "a/docs.py"])
def test_these_folders_may_be_the_application(path: str) -> None:
    assert is_application_code(path)
