"""Fixes for failures whose messages do not name the cause, found by the application's last lines. Pure.

Each is the message of an application that works elsewhere and meets a difference here: read-only code, a sandbox,
no .env file, a Debian without the library. A line that is not known gives no advice.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence

# The Debian package that has a library that programs load by name.
LIBRARIES = {
    "libpq": "libpq5",
    "libGL": "libgl1",
    "libgthread": "libglib2.0-0",
    "libmagic": "libmagic1",
    "libmariadb": "libmariadb3",
    "libgomp": "libgomp1",
    "libodbc": "unixodbc",
    "libcairo": "libcairo2",
    "libpango": "libpango-1.0-0",
    "libxmlsec1": "libxmlsec1-openssl",
}
# The distribution that has a module, where that of the module's own name is another one, or none.
DISTRIBUTIONS = {
    "MySQLdb": "mysqlclient",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "multipart": "python-multipart",
    # Newer ones do not bring it.
    "pkg_resources": "setuptools<81",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
_RAISED = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception)(?::|$)")
_NO_MODULE = re.compile(r"^ModuleNotFoundError: No module named '([\w.]+)'")
# As uvicorn, fastapi-cli (which breaks its lines), gunicorn and what granian and Hypercorn serve say it.
_NO_APPLICATION = re.compile(
    r"Attribute \"(?P<name>\S+)\" not found in module \"(?P<module>\S+)\"|"
    r"Could not find app name (?P<other_name>\S+) in (?P<other_module>\S+)|"
    r"Failed to find attribute '(?P<gunicorn_name>\S+)' in '(?P<gunicorn_module>\S+)'|"
    r"application = getattr\(application, name\).{0,200}?"
    r"module '(?P<granian_module>\S+)' has no attribute '(?P<granian_name>\w+)'|"
    r"Could not find FastAPI app in module|"
    r"The app name (?P<no_app>\S+) in \S+ doesn't seem to be a FastAPI app|"
    r"Error loading ASGI app\. Could not import module \"(?P<no_module>\S+)\""
)
_LIBRARY = re.compile(
    r"(?:ImportError|OSError): .*?\b(lib[\w+-]+?)(?:[.-][\d.]+)*\.so[.\d]*: cannot open shared object file"
)
_NO_COMMAND = re.compile(r"FileNotFoundError: \[Errno 2\] No such file or directory: '([\w.+-]+)'$")
# What uvicorn's manager says of a worker that ended, and of one that it waits for: nothing of why.
_WORKER_DIED = re.compile(r"INFO: +Child process \[\d+\] died$")
_MANAGER = re.compile(
    r"INFO: +(?:Child process \[\d+\] died|Waiting for child process \[\d+\]|Stopping parent process)"
)
# cffi, libffi, LLVM (Numba) and PyPy, as they say it.
_WRITE_EXECUTE = re.compile(
    r"write\+execute memory for ffi\.callback|failed to allocate closure|Unable to allocate section memory|"
    r"LLVM ERROR: .*(?:memory|mprotect)|JIT: .*mmap"
)
_READ_ONLY = re.compile(
    r"unable to open database file|attempt to write a readonly database|"
    r"(?:\[Errno 30\] )?Read-only file system(?:: '(?P<path>[^']+)')?|"
    r"\[Errno 13\] Permission denied: '(?P<code>/srv/[^']+)'"
)
_IN_RELEASE = re.compile(r"/srv/[^/]+/(?:slots|releases)/[^/]+/(.+)")
_MISSING_FIELD = re.compile(r"^\s+[Ff]ield required \[?\(?type=(?:missing|value_error\.missing)")
_ERRORS = re.compile(r"validation errors? for \w+")
_MISSING_VARIABLE = re.compile(r"^KeyError: '([A-Z][A-Z0-9_]*)'$")
_GETS_ENVIRONMENT = re.compile(
    r'File "(?:<frozen os>|.*/os\.py)", line \d+, in __getitem__|\bos\.environ\[|\benviron\['
)


def hint(lines: Sequence[str], app: str) -> str:
    """Return what to do about the failure that `lines` (oldest first) tell of; "" where they say it themselves."""
    first: tuple[Callable[[Sequence[str], str], str], ...] = (_memory, _settings, _variable, _place, _library, _command)
    return next(filter(None, (ask(lines, app) for ask in (*first, _module, _entrypoint, _silent_workers))), "")


def of_health(text: str) -> str:
    """Return what to do about an answer of the health path (`/health answered 404 instead of 200`); "" for others."""
    found = re.search(r"answered (\d{3})(?: \(Location: (\S+)\))?(?: instead of \d+)?", text)
    if not found:
        return ""
    status, location = found[1], found[2]
    if location:
        where = (
            f'set health_path = "{location}"' if location.startswith("/") else "set health_path to a path that does not"
        )
        return f"that path redirects; {where}"
    if status in ("404", "405"):
        return "the application has no such route; set health_path to a route that it has"
    return "set health_path to a path that answers without a login" if status in ("401", "403") else ""


def _memory(lines: Sequence[str], app: str) -> str:
    found = any(_WRITE_EXECUTE.search(line) for line in lines)
    return "it generates code at run time, which the sandbox refuses; set sandbox_jit = True" if found else ""


def _settings(lines: Sequence[str], app: str) -> str:
    """Read pydantic's errors: the name of a field stands on the line before what is wrong with it."""
    if not any(_ERRORS.search(line) for line in lines):
        return ""
    names = [before.strip() for before, line in itertools.pairwise(lines) if _MISSING_FIELD.match(line)]
    return _unset(names) if names else ""


def _variable(lines: Sequence[str], app: str) -> str:
    found = [match[1] for line in lines if (match := _MISSING_VARIABLE.match(line))]
    return _unset(found[-1:]) if found and any(_GETS_ENVIRONMENT.search(line) for line in lines) else ""


def _unset(names: list[str]) -> str:
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    are, them = ("are", "them") if len(names) > 1 else ("is", "it")
    return (
        f"{shown} {are} not set; give {them} in environment or secrets_file (a .env that git ignores is not released)"
    )


def _place(lines: Sequence[str], app: str) -> str:
    # fastapi-cli breaks its lines before a long word, so the path may stand alone on the next one.
    joined = [f"{line} {after.strip()}" for line, after in itertools.pairwise([*lines, ""])]
    found = next((match for line in reversed(joined) if (match := _READ_ONLY.search(line))), None)
    if found is None:
        return ""
    path = found["path"] or found["code"]
    where = f"{path} is not writable" if path else "the release is read-only"
    inside = _IN_RELEASE.match(path or "")
    if inside:
        setting = f'state_paths = ["{_written(inside[1])}"]'
    else:
        setting = "sandbox_writable_paths" if path else "state_paths to what it writes"
    return f"{where}; set {setting}, or write below the folder that STATE_DIRECTORY names (/var/lib/{app})"


def _written(path: str) -> str:
    """Return what of a release's path to name in state_paths: the folder of a file, where it has one."""
    folder, slash, name = path.rpartition("/")
    return folder if slash and "." in name else path


def _library(lines: Sequence[str], app: str) -> str:
    if any("no pq wrapper available" in line for line in lines):
        return 'the PostgreSQL client library is missing; set packages = ["libpq5"], or depend on psycopg[binary]'
    if any("failed to find libmagic" in line for line in lines):
        return 'a library is missing; set packages = ["libmagic1"]'
    found = next((match[1] for line in reversed(lines) if (match := _LIBRARY.search(line))), None)
    if found is None:
        return ""
    package = next((package for start, package in LIBRARIES.items() if found.startswith(start)), None)
    return (
        f'a library is missing; set packages = ["{package}"]'
        if package
        else (f"the library {found} is missing; add the Debian package that contains it to packages")
    )


def _command(lines: Sequence[str], app: str) -> str:
    found = next((match[1] for line in reversed(lines) if (match := _NO_COMMAND.search(line))), None)
    return f"the program {found} is missing; add the Debian package that contains it to packages" if found else ""


def _module(lines: Sequence[str], app: str) -> str:
    """Read Python's last line: after an optional module that is missing, other lines follow."""
    raised = [line for line in lines if _RAISED.match(line)]
    found = _NO_MODULE.match(raised[-1]) if raised else None
    if found is None:
        return ""
    known = DISTRIBUTIONS.get(found[1].partition(".")[0])
    what = known or "the distribution that contains it"
    own = "" if known else ", or commit it where it is the application's own (see app_subdirectory and app_entrypoint)"
    return f"the module {found[1]} is missing; add {what} to the dependencies{own}"


def _entrypoint(lines: Sequence[str], app: str) -> str:
    found = _NO_APPLICATION.search(" ".join(" ".join(lines).split()))
    if found is None:
        return ""
    if found["no_module"]:
        return f"there is no module {found['no_module']}; set app_entrypoint, or app_subdirectory"
    if found["no_app"]:
        return f'{found["no_app"]} is not a FastAPI application; set app_entrypoint, or server = "uvicorn"'
    told = found.groupdict()
    name, module = (
        next(filter(None, (told[f"{whose}{what}"] for whose in ("", "other_", "gunicorn_", "granian_"))), None)
        for what in ("name", "module")
    )
    what = f"{module} has no {name}" if name else "the module has no FastAPI application"
    return f'{what}; set app_entrypoint = "{module or "MODULE"}:NAME" to the name that the application has there'


def _silent_workers(lines: Sequence[str], app: str) -> str:
    """Read what uvicorn's manager says when its workers write nothing: it ends those that do not answer it within 5 s,
    as on a slow or busy machine whose Python takes longer to start (uvicorn/supervisors/multiprocess.py).
    """
    if not any(map(_WORKER_DIED.match, lines)) or not all(map(_MANAGER.match, lines)):
        return ""
    return (
        "no worker said why: uvicorn ends one that does not answer in time (5 s); on a slow machine take "
        'fewer workers, or server = "uvicorn" with worker_timeout_seconds = 30'
    )
