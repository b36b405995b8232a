"""Writes exported files, and tells whether they are still what would be written.

A record among the files has the SHA-256 of each: a file that differs from it was changed by a person, and is
overwritten only on request. A file of an earlier export that is no longer exported is removed, unless it was changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from homeport.errors import UsageError
from homeport.exports.engines import File

# The folder for the values of secrets, beside the other files.
SECRETS = "secrets"
State = Literal["same", "missing", "stale", "changed", "left over"]
# What `--check` says of a file.
SAID: Mapping[State, str] = {
    "missing": "is missing",
    "stale": "is stale: settings or source have changed since",
    "changed": "was changed by hand",
    "left over": "is left over: it is no longer exported",
}


@dataclass(frozen=True)
class Found:
    """The state of each path; "changed" where a person has changed the file."""

    states: Mapping[str, State]

    @property
    def differing(self) -> dict[str, State]:
        """Return the paths that are not as they would be written."""
        return {path: state for path, state in self.states.items() if state != "same"}


def compare(folder: Path, files: Mapping[str, File], record: str) -> Found:
    """Return the state of each exported file below `folder`, `record` being the path of the record there."""
    kept = _recorded(folder / record)
    states = {path: _state(folder / path, file, kept.get(path)) for path, file in files.items()}
    for path in kept.keys() - files.keys():
        if (text := _read(folder / path)) is not None and _digest(text) == kept[path]:
            states[path] = "left over"
    return Found(dict(sorted(states.items())))


def write(folder: Path, files: Mapping[str, File], record: str, *, force: bool) -> list[tuple[str, bool]]:
    """Write the files below `folder`; return each path that was written or removed, and whether it is there now.

    Raises UsageError, before anything is written, for files that a person has changed, unless `force`.
    """
    found = compare(folder, files, record)
    if (changed := [path for path, state in found.states.items() if state == "changed"]) and not force:
        what = f"{', '.join(changed)} in {folder}" if len(changed) > 1 else f"{folder / changed[0]}"
        problem = f"{what} would be overwritten, and the present content is not from an export"
        raise UsageError(problem, key="export", fix="see --check, keep what you need, and repeat it with --force")
    try:
        for path in found.differing:
            if path in files:
                _write(folder / path, files[path])
            else:
                (folder / path).unlink(missing_ok=True)
        record_text = json.dumps({path: _digest(one.text) for path, one in sorted(files.items())}, indent=2)
        _write(folder / record, File(f"{record_text}\n"))
    except OSError as error:
        raise UsageError(f"{error.strerror or error}: {error.filename}", key="export") from None
    return [(path, path in files) for path in found.differing]


def write_secrets(folder: Path, values: Mapping[str, str]) -> Path:
    """Write each secret's value as a file below `folder`, in a folder that nobody else can enter; return the folder.

    The files themselves are open to all: an engine that mounts one has it read by the container's user.
    """
    place = folder / SECRETS
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.chmod(0o700)
        (place / ".gitignore").write_text("*\n")
        for name, value in values.items():
            (place / name).unlink(missing_ok=True)
            (place / name).write_text(value, "utf-8")
            (place / name).chmod(0o444)
    except OSError as error:
        raise UsageError(f"{error.strerror or error}: {error.filename}", key="--secrets") from None
    return place


def _state(path: Path, file: File, kept: str | None) -> State:
    text = _read(path)
    if text is None:
        return "missing"
    if text == file.text:
        executable = bool(path.stat().st_mode & 0o100)
        return "same" if executable == file.executable else "stale"
    return "stale" if _digest(text) == kept else "changed"


def _recorded(path: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        read = json.loads(path.read_text("utf-8"))
        found = read if isinstance(read, dict) else {}
        # A path in a record that somebody has changed must not lead out of the folder.
        return {
            str(one): str(digest) for one, digest in found.items() if ".." not in Path(one).parts and one[:1] != "/"
        }
    return {}


def _read(path: Path) -> str | None:
    """Return a file's text; None when there is none. A file that is not text counts as somebody's."""
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return None


def _write(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(file.text.encode())
    new.chmod(0o755 if file.executable else 0o644)
    new.replace(path)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
