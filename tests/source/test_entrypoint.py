"""`app_entrypoint`: every form ends as a path that old and new fastapi-cli import under the name that is meant."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import UsageError
from homeport.source.entrypoint import fastapi_arguments

PACKAGE = {"app/__init__.py", "app/main.py", "app/sub/__init__.py", "app/sub/service.py"}


@pytest.mark.parametrize(("entrypoint", "files", "expected"), [
    ("main.py", {"main.py"}, ("main.py",)),
    ("./main.py", {"main.py"}, ("main.py",)),
    ("main.py:api", {"main.py"}, ("main.py", "--app", "api")),
    ("main", {"main.py"}, ("main.py",)),
    ("main:app", {"main.py"}, ("main.py", "--app", "app")),
    ("app/main.py", {"app/main.py"}, ("app/main.py",)),
    ("app/main.py", PACKAGE, ("app/main.py",)),
    ("app", PACKAGE, ("app/__init__.py",)),
    ("app/", PACKAGE, ("app/__init__.py",)),
    ("app:api", PACKAGE, ("app/__init__.py", "--app", "api")),
    ("app", {"app.py"}, ("app.py",)),
    ("app", PACKAGE | {"app.py"}, ("app/__init__.py",)),
    ("app.main:api", PACKAGE, ("app/main.py", "--app", "api")),
    ("app.main", PACKAGE, ("app/main.py",)),
    ("app.sub:app", PACKAGE, ("app/sub/__init__.py", "--app", "app")),
    ("app.sub.service:app", PACKAGE, ("app/sub/service.py", "--app", "app")),
    ("app/sub", PACKAGE, ("app/sub/__init__.py",)),
    ("app.main:api", {f"src/{path}" for path in PACKAGE}, ("src/app/main.py", "--app", "api")),
    ("app", {f"src/{path}" for path in PACKAGE}, ("src/app/__init__.py",)),
    ("main:app", {"src/main.py"}, ("src/main.py", "--app", "app")),
    ("app.main:api", PACKAGE | {f"src/{path}" for path in PACKAGE}, ("app/main.py", "--app", "api")),
    ("my-service/main.py", {"my-service/main.py"}, ("my-service/main.py",)),
])  # fmt: skip
def test_the_arguments_of_fastapi_run(entrypoint: str, files: set[str], expected: tuple[str, ...]) -> None:
    assert fastapi_arguments(entrypoint, files, "HEAD") == expected


MALFORMED = "; write main.py or module:app"
MISSING = "; set app_entrypoint to the file, package or module:app that has the FastAPI application"


@pytest.mark.parametrize(("entrypoint", "files", "line"), [
    ("main.py", {"x.py"}, f"no main.py at v1{MISSING}"),
    ("main.py", {"src/main.py"}, f"no main.py at v1{MISSING} (there is src/main.py)"),
    ("service:app", {"x.py"}, "no service/__init__.py or service.py or src/service/__init__.py or src/service.py at v1"
     + MISSING),
    ("app", {"app/main.py"}, "no app/__init__.py or app.py or src/app/__init__.py or src/app.py at v1"
     f"{MISSING} (there is app/main.py)"),
    ("back/app", {"back/app/main.py"}, f"no back/app/__init__.py at v1{MISSING} (there is back/app/main.py)"),
    ("main.py; rm -rf /", {"main.py"}, "'main.py; rm -rf /' has characters other than letters, digits and _ . / : -"
     + MALFORMED),
    ("$(id).py", {"main.py"}, f"'$(id).py' has characters other than letters, digits and _ . / : -{MALFORMED}"),
    ("", {"main.py"}, f"'' has characters other than letters, digits and _ . / : -{MALFORMED}"),
    ("main.py\n", {"main.py"}, f"'main.py\\n' has characters other than letters, digits and _ . / : -{MALFORMED}"),
    ("-main.py", {"-main.py"}, f"'-main.py' is not a path below the application's folder{MALFORMED}"),
    ("./-main.py", {"-main.py"}, f"'./-main.py' is not a path below the application's folder{MALFORMED}"),
    ("/srv/main.py", {"main.py"}, f"'/srv/main.py' is not a path below the application's folder{MALFORMED}"),
    ("../main.py", {"main.py"}, f"'../main.py' is not a path below the application's folder{MALFORMED}"),
    ("a/../../main.py", {"main.py"}, f"'a/../../main.py' is not a path below the application's folder{MALFORMED}"),
    (".", {"__init__.py"}, f"'.' is not a path below the application's folder{MALFORMED}"),
    ("main:", {"main.py"}, f"'' in 'main:' is not the name of a variable{MALFORMED}"),
    ("main:a.b", {"main.py"}, f"'a.b' in 'main:a.b' is not the name of a variable{MALFORMED}"),
    ("main:make_app:x", {"main.py"}, f"'make_app:x' in 'main:make_app:x' is not the name of a variable{MALFORMED}"),
    ("my-app:app", {"my-app.py"}, f"'my-app' is not the name of a module{MALFORMED}"),
    ("app.main:api", {"app/main.py"}, "without app/__init__.py `fastapi run` imports app/main.py as 'main', not "
     "'app.main'; add app/__init__.py, or set app_entrypoint to app/main.py"),
    ("app.sub.service", {"app/sub/service.py", "app/sub/__init__.py"}, "without app/__init__.py `fastapi run` imports "
     "app/sub/service.py as 'sub.service', not 'app.sub.service'; add app/__init__.py, or set app_entrypoint to "
     "app/sub/service.py"),
    ("main:app", {"src/main.py", "src/__init__.py"}, "with src/__init__.py `fastapi run` imports src/main.py as "
     "'src.main', not 'main'; remove src/__init__.py, or set app_entrypoint to src/main.py"),
    ("main.py", {"main.py", "__init__.py"}, "__init__.py at the application's root makes `fastapi run` import it as "
     "part of a package around it; remove that file, or set app_subdirectory to the folder above and app_entrypoint to "
     "match"),
])  # fmt: skip
def test_an_entry_point_that_would_not_run_is_refused(entrypoint: str, files: set[str], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        fastapi_arguments(entrypoint, files, "v1")
    assert str(caught.value) == f"app_entrypoint: {line}"


def test_a_package_marker_at_the_root_does_not_matter_to_a_folder_that_is_no_package() -> None:
    assert fastapi_arguments("app/main.py", {"__init__.py", "app/main.py"}, "HEAD") == ("app/main.py",)


@given(st.text())
def test_only_files_of_the_release_are_entry_points(entrypoint: str) -> None:
    files = {"main.py", "app/__init__.py", "app/main.py"}
    with contextlib.suppress(UsageError):
        assert fastapi_arguments(entrypoint, files, "HEAD")[0] in files
