"""Versions that an application leaves open, resolved once, on this machine, for all machines: `resolved/APP-KEY.txt`.

The file lies in the project's folder and is made when it is missing; KEY is what the application's own files ask for,
so that another commit with other files has another one, and the same files always give the same versions. uv asks the
package indexes; no host is read.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from homeport.controller.folders import cache_folder
from homeport.source import open_versions
from homeport.source.dependencies import resolved_to
from homeport.source.release import Source
from homeport.source.uv_program import run_uv, uv_program

FOLDER = "resolved"
# An index that does not answer must not block a deploy whose machines may use another one.
LONGEST_SECONDS = 180
# What is in the folder is no part of a release, should the application be in the same repository.
ATTRIBUTES = "* export-ignore\n"
HEAD = """\
# Made by homeport from {file} of {app}: the versions that every machine gets. Commit it. It is used as long as
# {file} stays as it is; `homeport deploy --upgrade-dependencies` makes it anew.
"""
_LOCK = threading.RLock()


def resolved(source: Source, project: Path, app: str, secrets: Mapping[str, str], *, upgrade: bool) -> Source:
    """Return the source of `app` with all versions pinned, or, with a warning that says why, as it is.

    `secrets` are variables for the package indexes. With `upgrade` the versions are looked for anew, once a process.
    """
    if source.dependencies.open_versions is None:
        return source
    with _LOCK:
        return _resolved(source, project.resolve(), app, tuple(sorted(secrets.items())), upgrade)


def forget_resolutions() -> None:
    """Look for versions again from now on: for a process that outlives one run."""
    with _LOCK:
        _resolved.cache_clear()


@lru_cache(maxsize=64)
def _resolved(source: Source, project: Path, app: str, secrets: tuple[tuple[str, str], ...], upgrade: bool) -> Source:
    found, left = source.dependencies, source.dependencies.open_versions
    assert left is not None  # noqa: S101 - for the type checker
    name = f"{app}-{left.key}.txt"
    text = "" if upgrade else _kept(project, name)
    place = f"{FOLDER}/{name}"
    if not text:
        text, why = ("", left.obstacle) if left.obstacle else _ask(source, left, dict(secrets))
        if not text:
            said = open_versions.unresolved_warning(left, why)
            return replace(source, dependencies=replace(found, warnings=(*found.warnings, said)))
        place = _keep(project, name, HEAD.format(file=left.file, app=app) + text)
    said = open_versions.warning(left, place)
    pinned = resolved_to(replace(found, warnings=(*found.warnings, said)), open_versions.plain(text))
    content = source.content and replace(source.content, more=(*source.content.more, *pinned.files[len(found.files) :]))
    return replace(source, dependencies=pinned, content=content)


def _kept(project: Path, name: str) -> str:
    """Return what was resolved before, "" for nothing: the project's file, or else our own copy."""
    for folder in (project / FOLDER, cache_folder(FOLDER)):
        with suppress(OSError, UnicodeDecodeError):
            if folder and (text := open_versions.plain((folder / name).read_text("utf-8"))):
                return text
    return ""


def _keep(project: Path, name: str, text: str) -> str:
    """Write the versions into the project, and where that is impossible, into our own cache; return the path."""
    for folder in (project / FOLDER, cache_folder(FOLDER)):
        with suppress(OSError):
            if folder:
                folder.mkdir(exist_ok=True)
                with suppress(FileExistsError), (folder / ".gitattributes").open("x") as attributes:
                    attributes.write(ATTRIBUTES)
                new = folder / f".{name}.new"
                new.write_text(text, "utf-8")
                new.replace(folder / name)
                return f"{FOLDER}/{name}" if folder == project / FOLDER else str(folder / name)
    return "no file, since none can be written"


def _ask(source: Source, left: open_versions.OpenVersions, secrets: dict[str, str]) -> tuple[str, str]:
    """Return the versions as a requirements file; ("", why) where uv has none for us."""
    if uv_program() is None:
        return "", "uv is not installed here"
    why = ""
    with tempfile.TemporaryDirectory(prefix="homeport-resolve-") as folder:
        with tarfile.open(fileobj=io.BytesIO(source.archive().data)) as archive:
            # The argument `filter` came with Python 3.11.4, and Debian 12 has 3.11.2.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(folder)  # noqa: S202 (it is our own archive)
        for floor in left.floors:
            status, answer, said = run_uv(
                open_versions.uv_arguments(left, floor), folder=folder, secrets=secrets, longest_seconds=LONGEST_SECONDS
            )
            if status == 0 and folder not in answer:
                return open_versions.resolved_lines(left, answer), ""
            why = why or open_versions.failure(said, secrets) or "uv names files of this machine"
            if not open_versions.is_about_python(said):
                break
    return "", why
