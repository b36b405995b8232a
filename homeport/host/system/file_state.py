"""The state of a path as JSON, to restore it later: a file with its mode and owner, a link, or nothing."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from . import atomic

Saved = dict[str, str | int]


def saved(path: Path) -> Saved | None:
    """Return what is at `path`; None when nothing is there. Raises OSError for what is neither a file nor a link."""
    if path.is_symlink():
        return {"link": str(path.readlink())}
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    content = base64.b64encode(path.read_bytes()).decode()
    return {"content": content, "mode": status.st_mode & 0o7777, "uid": status.st_uid, "gid": status.st_gid}


def put_back(path: Path, what: Saved | str | None) -> None:
    """Have at `path` what was `saved`. A text is what an older host program has saved: a file's content in base64."""
    if what is None:
        atomic.remove(path)
        return
    if isinstance(what, str):
        what = {"content": what, "mode": 0o644, "uid": 0, "gid": 0}
    if "link" in what:
        atomic.point(path, str(what["link"]))
        return
    atomic.write(path, base64.b64decode(str(what["content"])), int(what["mode"]))
    os.chown(path, int(what["uid"]), int(what["gid"]))
    # chown takes set-user-id bits away.
    path.chmod(int(what["mode"]))
