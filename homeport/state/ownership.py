"""The owner of a file on the host: homeport, its Debian package, or somebody else, from whom nothing is taken."""

from __future__ import annotations

from typing import Literal

from homeport.state.paths import AppPaths
from homeport.state.snapshot import PathFound, Snapshot
from homeport.state.wanted import File

Owner = Literal["homeport", "package", "somebody"]


def is_named_ours(path: str, app: str) -> bool:
    """Tell whether a path is ours by its name: it says `homeport`, or is in one of the application's folders."""
    places = AppPaths(app)
    folders = (places.root, places.etc, places.state, places.cache)
    return "homeport" in path or any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def owner(path: str, found: Snapshot, app: str) -> Owner:
    """Return whose the file at `path`, which is there, is."""
    there, file_origins = found.paths[path], found.file_origins
    if is_named_ours(path, app):
        return "homeport"
    if _leads_nowhere(there):
        return "package"
    if there.kind == "file" and (path in file_origins.marked or (path, there.digest) in file_origins.written):
        return "homeport"
    return "package" if path in file_origins.pristine else "somebody"


def is_somebodys(file: File, found: Snapshot, app: str) -> bool:
    """Tell whether somebody loses a file when ours is put in its place.

    The last version has put its files in place without a record, maybe by a template of the project's own that does not
    name homeport: on a machine of its, what is not recorded is not somebody's, and a copy is kept all the same.
    """
    if file.path not in found.paths or found.paths[file.path].digest == file.digest:
        return False
    if found.claims and not _is_recorded(file.path, found):
        return False
    return owner(file.path, found, app) == "somebody"


def has_no_original(path: str, found: Snapshot, app: str) -> bool:
    """Tell whether homeport had this file before it kept copies: what was there before cannot be brought back."""
    if is_named_ours(path, app) or owner(path, found, app) != "homeport":
        return False
    return not _is_recorded(path, found)


def has_to_be_kept(path: str, found: Snapshot, app: str) -> bool:
    """Tell whether a copy is kept of what is at `path` before it is replaced or removed."""
    return found.paths[path].kind == "link" or owner(path, found, app) != "homeport"


def _is_recorded(path: str, found: Snapshot) -> bool:
    return any(path == written for written, _ in found.file_origins.written)


def _leads_nowhere(there: PathFound) -> bool:
    """Tell whether this is a link to nothing: nobody loses anything with it."""
    return there.kind == "link" and there.leads_to is None
