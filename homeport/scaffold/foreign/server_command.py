"""The command that starts a server (uvicorn, gunicorn, fastapi, granian, hypercorn): what it serves, and how. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from homeport.scaffold.foreign.model import Place, Reading, Start

SERVERS = ("uvicorn", "gunicorn", "fastapi", "granian", "hypercorn")
TARGET = re.compile(r"[A-Za-z_][\w./-]*(:[A-Za-z_]\w*(\(\))?)?")
# Options without a value.
_FLAGS = re.compile(
    r"--(reload|factory|preload(-app)?|proxy-headers|access-log|use-colors|date-header|server-header|daemon|"
    r"capture-output|enable-stdio-inheritance|no-.*|respawn-failed-workers|verbose|debug)|-D|-R"
)
# What homeport decides itself (where the server listens, whom it trusts, how it logs), or what is for developing.
_OURS = re.compile(
    r"--(host|port|bind|uds|fd|reload(-.*)?|proxy-headers|forwarded-allow-ips|access-log(file|format)?|error-logfile|"
    r"use-colors|keep-alive|timeout-keep-alive|worker-tmp-dir|capture-output|daemon|pid|name|user|group|loop|http|"
    r"interface|lifespan|worker-connections|max-requests-jitter|no-access-log|no-use-colors|no-server-header|"
    r"no-date-header|no-proxy-headers|no-reload|threads|enable-stdio-inheritance|blocking-threads|runtime-.*)|"
    r"-[bpnugDR]"
)
_WORKERS = ("--workers", "-w")
# The setting that a server's option is.
_SETTINGS = {
    ("uvicorn", "--limit-max-requests"): "max_requests",
    ("uvicorn", "--timeout-worker-healthcheck"): "worker_timeout_seconds",
    ("uvicorn", "--timeout-graceful-shutdown"): "stop_timeout_seconds",
    ("gunicorn", "--max-requests"): "max_requests",
    ("gunicorn", "--timeout"): "worker_timeout_seconds",
    ("gunicorn", "-t"): "worker_timeout_seconds",
    ("gunicorn", "--graceful-timeout"): "stop_timeout_seconds",
    ("granian", "--workers-lifetime"): "worker_lifetime_seconds",
    ("hypercorn", "--graceful-timeout"): "stop_timeout_seconds",
    ("hypercorn", "--max-requests"): "max_requests",
}
_FOLDERS = ("--app-dir", "--chdir", "--pythonpath")
_ROOT_PATH = "--root-path"


def read_server_command(words: Sequence[str], place: Place, reading: Reading) -> None:
    """Take what the command `words` says, the server's name first."""
    server = words[0]
    options, rest = _options(server, words[1:])
    reloads = any(name == "--reload" for name, _ in options)
    variable, folder, factory = "", "", any(name == "--factory" for name, _ in options)
    for name, value in options:
        if name in ("--app", "--entrypoint", "-e") and server == "fastapi":
            variable, rest = (value, rest) if name == "--app" else (variable, [value])
        elif name in _FOLDERS:
            folder = value
        elif name in ("-k", "--worker-class"):
            if "uvicorn" not in value.lower() and "$" not in value:
                reading.note(place, f"workers of the class {value} are not run; homeport runs uvicorn's")
        elif not (reloads and name in _WORKERS) and not _OURS.fullmatch(name) and name != "--factory":
            _take(server, name, value, place, reading)
    target = next((word for word in rest if TARGET.fullmatch(word)), "")
    if unknown := [word for word in rest if "$" in word]:
        reading.note(place, f"what {server} serves is not known: {unknown[0]} is set elsewhere")
    module, _, named = target.partition(":")
    factory = factory or named.endswith("()")
    reading.starts.append(Start(place, server, module, variable or named.removesuffix("()"), factory, folder, reloads))


def _take(server: str, name: str, value: str, place: Place, reading: Reading) -> None:
    setting = "workers" if name in _WORKERS else _SETTINGS.get((server, name))
    if name in ("--preload", "--preload-app") and server == "gunicorn":
        reading.propose("server_preload", True, place)
    elif name == _ROOT_PATH:
        reading.note(place, f"{name} {value} has no setting: FastAPI(root_path=…) in the code says it")
    elif setting is None:
        reading.note(place, f"the option {name} of {server} has no setting")
    elif value.isdecimal():
        if int(value):
            reading.propose(setting, int(value), place)
    elif "$" not in value:
        reading.note(place, f"{name} {value} is no number")


def _options(server: str, words: Sequence[str]) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the options by name, each with its value ("" for none), and all other words."""
    options: list[tuple[str, str]] = []
    rest: list[str] = []
    waiting = list(words)
    if server == "fastapi" and waiting and waiting[0] in ("run", "dev"):
        waiting = [*(["--reload"] if waiting[0] == "dev" else []), *waiting[1:]]
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            rest.append(word)
        elif equals or _FLAGS.fullmatch(name):
            options.append((name, value))
        elif re.fullmatch(r"-[wkbtc].+", word):
            options.append((word[:2], word[2:]))
        else:
            takes = bool(waiting) and not waiting[0].startswith("-")
            options.append((name, waiting.pop(0) if takes else ""))
    return options, rest


def read_uvicorn_run(text: str, path: str, place: Place, reading: Reading) -> bool:
    """Take what `uvicorn.run(…)` says in the module at `path`; tell whether there is such a call."""
    call = next(_uvicorn_calls(text), None)
    if call is None:
        return False
    words = {one.arg: one.value for one in call.keywords if one.arg}
    first = call.args[0] if call.args else words.get("app")
    module, variable = path, ""
    if isinstance(first, ast.Constant) and isinstance(first.value, str) and TARGET.fullmatch(first.value):
        module, _, variable = first.value.partition(":")
    elif isinstance(first, ast.Name):
        variable = first.id
    elif first is not None:
        reading.note(place, f"what uvicorn.run serves in {path} is not plain to see")
        module = ""
    factory = words.get("factory")
    workers = words.get("workers")
    if isinstance(workers, ast.Constant) and type(workers.value) is int and workers.value > 0:
        reading.propose("workers", workers.value, Place(path, call.lineno))
    made = isinstance(factory, ast.Constant) and factory.value is True
    reading.starts.append(Start(place, "uvicorn", module, variable, made))
    return True


def _uvicorn_calls(text: str) -> Iterator[ast.Call]:
    if "uvicorn" not in text:
        return
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    names = {"uvicorn.run"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "uvicorn":
            names |= {one.asname or one.name for one in node.names if one.name == "run"}
        elif isinstance(node, ast.Import):
            names |= {f"{one.asname}.run" for one in node.names if one.name == "uvicorn" and one.asname}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in names:
            yield node
