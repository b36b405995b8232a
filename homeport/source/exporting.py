"""Exports a lock with its own tool, on this machine, in an environment of homeport's that is pinned with hashes.

The tool gets the lock and the files that it was made for, in a folder of its own, and nothing else of the application;
the result is cached, so that the same lock is exported once. uv downloads the tool from the package index.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from homeport.controller.clean_environment import clean_environment
from homeport.controller.folders import TEMPLATES, cache_folder, new_folder, remove_abandoned
from homeport.errors import UsageError
from homeport.source.dependencies import after_export
from homeport.source.export_extras import with_extras
from homeport.source.exports import POETRY_LOCK, Export, exported_text
from homeport.source.open_versions import failure
from homeport.source.release import Source
from homeport.source.release_id import content_id
from homeport.source.uv_program import run_uv, uv_program

# A first run installs the tool; an export itself takes seconds.
LONGEST_SECONDS = 300
# The version of how a tool's output is read: what an earlier version has cached is not used.
VERSION = "3"
_LOCK = threading.RLock()


def exported(source: Source) -> Source:
    """Return a source whose lock was exported by its tool; unchanged when it has no such lock.

    Raises UsageError when the tool cannot be installed here, and when it refuses the lock.
    """
    export = source.dependencies.export
    if export is None:
        return source
    with _LOCK:
        text = _exported(export)
    found = after_export(source.dependencies, text)
    content = source.content and replace(source.content, more=(*source.own.files, *found.files))
    return replace(source, dependencies=found, content=content)


@lru_cache(maxsize=64)
def _exported(export: Export) -> str:
    requirements = (TEMPLATES / "tools" / f"{export.tool}.txt").read_text("utf-8")
    kept, name = cache_folder("exported"), f"{content_id(VERSION, requirements, *export.parts())}.txt"
    with suppress(OSError, UnicodeDecodeError):
        if kept:
            return (kept / name).read_text("utf-8")
    with tempfile.TemporaryDirectory(prefix="homeport-export-") as scratch:
        # A tool names files by their real path.
        repository = Path(scratch).resolve() / "repository"
        python = _environment(export, requirements, Path(scratch) / "tool")
        text = exported_text(_printed(export, python, repository), export, str(repository / export.folder))
        if export.file == POETRY_LOCK:
            text = with_extras(text, next(one for path, one in export.files if path.endswith(POETRY_LOCK)))
    with suppress(OSError):
        if kept:
            new = kept / f".{name}.{os.getpid()}"
            new.write_text(text, "utf-8")
            new.replace(kept / name)
    return text


def _environment(export: Export, requirements: str, otherwise: Path) -> Path:
    """Return the Python of an environment with the tool; made once, or `otherwise` where nothing can be kept."""
    kept = cache_folder("tools")
    version = ".".join(map(str, sys.version_info[:3]))
    place = kept / f"{export.tool}-{content_id(requirements, version, sys.executable)}" if kept else otherwise
    if not _is_whole(place):
        if uv_program() is None:
            raise _no_tool(export, "uv is not installed here")
        try:
            _make_environment(export, place)
        except OSError as error:
            raise _no_tool(export, f"{error.strerror or error}: {error.filename}") from None
    return place / "bin" / "python"


def _make_environment(export: Export, place: Path) -> None:
    lock = TEMPLATES / "tools" / f"{export.tool}.txt"
    with new_folder(place, _is_whole) as new:
        _made(export, "venv", "--quiet", "--relocatable", "--python", sys.executable, str(new))
        options = ("--quiet", "--require-hashes", "--python", str(new / "bin" / "python"))
        _made(export, "pip", "install", *options, "-r", str(lock))
        (new / ".complete").touch()
    remove_abandoned(place.parent)


def _is_whole(place: Path) -> bool:
    return (place / ".complete").exists() and (place / "bin" / "python").exists()


def _made(export: Export, *words: str) -> None:
    status, _, said = run_uv(words, longest_seconds=LONGEST_SECONDS)
    if status:
        raise _no_tool(export, failure(said, {}))


def _printed(export: Export, python: Path, repository: Path) -> str:
    for path, text in export.files:
        file = repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    output = ""
    for words in export.commands:
        try:
            done = subprocess.run(
                [str(python), *words],
                cwd=repository / export.folder,
                env=_variables(repository / export.folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=LONGEST_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _refused(export, str(error)) from None
        if done.returncode:
            raise _refused(export, failure(done.stderr.strip() or done.stdout, {}).rstrip("."))
        output = done.stdout
    return output


def _variables(folder: Path) -> dict[str, str]:
    """Return variables with which a tool asks no questions, makes no environment and uses no other configuration.

    It has no secret of the caller's: a tool needs none, and other people's code runs in it.
    """
    pipenv = {"PIPENV_PIPFILE": str(folder / "Pipfile"), "PIPENV_IGNORE_VIRTUALENVS": "1", "PIPENV_NOSPIN": "1"}
    poetry = {"POETRY_NO_INTERACTION": "1", "POETRY_VIRTUALENVS_CREATE": "false"}
    return {**clean_environment(), **pipenv, **poetry, "NO_COLOR": "1"}


def _refused(export: Export, why: str) -> UsageError:
    again = "poetry lock" if export.tool == "poetry" else "pipenv lock"
    fix = f"run {again} and commit {export.file}" if export.is_locked else "mend it and commit"
    return UsageError(f"{export.tool} cannot read {export.file}: {why}", key="app_source", fix=fix)


def _no_tool(export: Export, why: str) -> UsageError:
    return UsageError(
        f"{export.file} is read by {export.tool}, which cannot be installed on this machine: {why}",
        key="app_source",
        fix="let uv reach a package index here, or commit what it exports and set requirements_file to that",
    )
