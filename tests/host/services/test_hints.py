"""What is advised for failures whose words name another cause; words as the libraries have them."""

from __future__ import annotations

import pytest

from homeport.host.services.hints import hint, of_health

PYDANTIC_2 = """\
pydantic_core._pydantic_core.ValidationError: 2 validation errors for Settings
PROJECT_NAME
  Field required [type=missing, input_value={}, input_type=dict]
    For further information visit https://errors.pydantic.dev/2.11/v/missing
database_url
  Field required [type=missing, input_value={}, input_type=dict]
    For further information visit https://errors.pydantic.dev/2.11/v/missing"""
PYDANTIC_1 = """\
pydantic.error_wrappers.ValidationError: 1 validation error for AppSettings
secret_key
  field required (type=value_error.missing)"""
ENVIRON = """\
    url = os.environ["DATABASE_URL"]
          ~~~~~~~~~~^^^^^^^^^^^^^^^^
  File "<frozen os>", line 685, in __getitem__
KeyError: 'DATABASE_URL'"""


@pytest.mark.parametrize(("words", "advice"), [
    ("MemoryError: Cannot allocate write+execute memory for ffi.callback(). You might be running on a system that "
     "prevents this.", "it generates code at run time, which the sandbox refuses; set sandbox_jit = True"),
    ("sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) unable to open database file",
     "the release is read-only; set state_paths to what it writes, or write below the folder that STATE_DIRECTORY "
     "names (/var/lib/notes)"),
    ("OSError: [Errno 30] Read-only file system: '/srv/notes/slots/blue/uploads'",
     '/srv/notes/slots/blue/uploads is not writable; set state_paths = ["uploads"], or write below the folder that '
     "STATE_DIRECTORY names (/var/lib/notes)"),
    ("PermissionError: [Errno 13] Permission denied: '/srv/notes/releases/r1/app/logs/app.log'",
     '/srv/notes/releases/r1/app/logs/app.log is not writable; set state_paths = ["app/logs"], or write below the '
     "folder that STATE_DIRECTORY names (/var/lib/notes)"),
    ("OSError: [Errno 30] Read-only file system:\n'/srv/notes/releases/r1/app/up/pictures'",
     '/srv/notes/releases/r1/app/up/pictures is not writable; set state_paths = ["app/up/pictures"], or write below '
     "the folder that STATE_DIRECTORY names (/var/lib/notes)"),
    ("OSError: [Errno 30] Read-only file system: '/opt/media'",
     "/opt/media is not writable; set sandbox_writable_paths, or write below the folder that STATE_DIRECTORY names "
     "(/var/lib/notes)"),
    (PYDANTIC_2, "PROJECT_NAME, database_url are not set; give them in environment or secrets_file (a .env that git "
     "ignores is not released)"),
    (PYDANTIC_1, "secret_key is not set; give it in environment or secrets_file (a .env that git ignores is not "
     "released)"),
    (ENVIRON, "DATABASE_URL is not set; give it in environment or secrets_file (a .env that git ignores is not "
     "released)"),
    ("ImportError: no pq wrapper available.\nAttempts made:",
     'the PostgreSQL client library is missing; set packages = ["libpq5"], or depend on psycopg[binary]'),
    ("ImportError: libGL.so.1: cannot open shared object file: No such file or directory",
     'a library is missing; set packages = ["libgl1"]'),
    ("OSError: libproj.so.25: cannot open shared object file: No such file or directory",
     "the library libproj is missing; add the Debian package that contains it to packages"),
    ("FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'",
     "the program ffmpeg is missing; add the Debian package that contains it to packages"),
    ("    import orjson\nModuleNotFoundError: No module named 'orjson'\nINFO:     Child process [7] died",
     "the module orjson is missing; add the distribution that contains it to the dependencies, or commit it where it "
     "is the "
     "application's own (see app_subdirectory and app_entrypoint)"),
    ("ModuleNotFoundError: No module named 'yaml'", "the module yaml is missing; add PyYAML to the dependencies"),
    ("ModuleNotFoundError: No module named 'pkg_resources'",
     "the module pkg_resources is missing; add setuptools<81 to the dependencies"),
    ("ModuleNotFoundError: No module named 'lib.names'",
     "the module lib.names is missing; add the distribution that contains it to the dependencies, or commit it where "
     "it is "
     "the application's own (see app_subdirectory and app_entrypoint)"),
    ('ERROR:    Error loading ASGI app. Attribute "application" not found in module "main".',
     'main has no application; set app_entrypoint = "main:NAME" to the name that the application has there'),
    ("    Could not find app name application in\n    app.main",
     'app.main has no application; set app_entrypoint = "app.main:NAME" to the name that the application has there'),
    ("    Could not find FastAPI app in module, try using --app",
     'the module has no FastAPI application; set app_entrypoint = "MODULE:NAME" to the name that the application has '
     "there"),
    ("    The app name router in main doesn't seem to be a FastAPI app",
     'router is not a FastAPI application; set app_entrypoint, or server = "uvicorn"'),
    ("Failed to find attribute 'application' in 'app.main'.",
     'app.main has no application; set app_entrypoint = "app.main:NAME" to the name that the application has there'),
    ("    application = getattr(application, name)\n                  ^^^^^^^\n"
     "AttributeError: module 'main' has no attribute 'api'",
     'main has no api; set app_entrypoint = "main:NAME" to the name that the application has there'),
    ("    value = getattr(settings, name)\nAttributeError: module 'settings' has no attribute 'api'", ""),
    ('ERROR:    Error loading ASGI app. Could not import module "nope".',
     "there is no module nope; set app_entrypoint, or app_subdirectory"),
])  # fmt: skip
def test_words_that_name_another_cause_get_advice(words: str, advice: str) -> None:
    assert hint(words.splitlines(), "notes") == advice


def test_workers_that_end_without_a_word_are_told_of() -> None:
    died = ["INFO:     Waiting for child process [12]", "INFO:     Child process [12] died"] * 3
    assert 'server = "uvicorn" with worker_timeout_seconds = 30' in hint(died, "notes")
    assert hint([*died, "this worker has no licence"], "notes") == ""
    assert hint(died[:1], "notes") == ""


@pytest.mark.parametrize("words", [
    "", "RuntimeError: no start",
    "ModuleNotFoundError: No module named 'orjson'\nDuring handling of the above exception:\nRuntimeError: no start",
    "INFO:     ModuleNotFoundError: No module named 'uvloop'", "KeyError: 'DATABASE_URL'", "KeyError: 'name'",
    "FileNotFoundError: [Errno 2] No such file or directory: '/etc/notes/conf.json'",
    "fastapi.exceptions.ResponseValidationError: 1 validation error:\n  Field required",
    "INFO:     127.0.0.1 - \"GET /Read-only HTTP/1.1\" 404",
])  # fmt: skip
def test_other_words_get_none(words: str) -> None:
    assert hint(words.splitlines(), "notes") == ""


@pytest.mark.parametrize(("text", "advice"), [
    ("/health answered 307 (Location: /health/) instead of 200 (after 60 s)",
     'that path redirects; set health_path = "/health/"'),
    ("/health answered 302 (Location: https://login.example.com/) instead of 200",
     "that path redirects; set health_path to a path that does not"),
    ("/health answered 404 instead of 200 (after 60 s)",
     "the application has no such route; set health_path to a route that it has"),
    ("/health answered 401 instead of 200", "set health_path to a path that answers without a login"),
    ("/health answered 503 instead of 200", ""), ("/health connection refused", ""), ("", ""),
])  # fmt: skip
def test_an_answer_of_the_health_path_says_what_to_set(text: str, advice: str) -> None:
    assert of_health(text) == advice
