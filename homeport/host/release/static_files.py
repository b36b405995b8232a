"""What the proxy serves of a release by itself: copied where its user may read it, bridged to older pages, pruned.

The code is in a folder that the proxy's user cannot enter, and must not: it may have more in it than what is meant for
visitors. So each release has a folder of copies, made before the switch:

    releases/ID/{plain,hashed}/PATH-OF-THE-URL   regular files alone, nothing that begins with a dot
    releases/ID/error.html                       the page for who gets no answer of the application (`error_page`)
    slots/APP_SLOT -> ../releases/ID             repointed only while the slot is idle, as the slot's other links
    bridge/PATH-OF-THE-URL                       those of all kept releases with a hash in their name

A file's time is made of its content: Nginx makes an ETag of time and size, and so every machine and every release has
the same one for the same content, and another one for another content.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ..services.release_description import Release, Served
from ..system import atomic
from ..system.layout import SLOTS, Layout
from ..system.output import HostError, say
from .static_names import is_public, with_hash

PLAIN, HASHED, PARTIAL = "plain", "hashed", ".partial"
ERROR_PAGE = "error.html"
# The group that Debian's Nginx runs with (package base-passwd: it is on every machine).
PROXY_GROUP = "www-data"
PIECE_BYTES = 1024 * 1024
# A file's time lies in the thirty years from 1980 on: never in the future, which RFC 9110 (8.8.2.1) forbids.
FIRST_TIME, TIMES = 315532800, 946684800


def publish(layout: Layout, release: Release) -> None:
    """Have the proxy's files of `release` in place; raise HostError when there is no such folder, or nothing to serve.

    What was published is left as it is. Nobody is served by it before a slot points to it.
    """
    if not release.has_files:
        return
    final = layout.static_releases / release.id
    _open_to_proxy(layout)
    if not final.is_dir():
        partial = final.with_name(final.name + PARTIAL)
        shutil.rmtree(partial, ignore_errors=True)
        try:
            for served in release.static:
                _copy(layout, release, served, partial)
            if release.error_page:
                _copy_page(layout, release, partial)
            _readable_folders(partial)
            partial.rename(final)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    _bridge(layout, final / HASHED)


def point(layout: Layout, slot: str, release: Release) -> None:
    """Have the idle `slot` serve the files of `release`; none where it has none."""
    link = layout.static_link(slot)
    if release.has_files:
        atomic.point(link, f"../releases/{release.id}")
    else:
        atomic.remove(link)


def serves_less(before: Release, after: Release) -> bool:
    """Tell whether the proxy serves a folder of `before` that it does not serve with the site of `after`."""
    return not {one.at for one in before.static} <= {one.at for one in after.static}


def prune(layout: Layout) -> None:
    """Remove files of releases that are gone, what a killed run has left, and what only those had in the bridge."""
    for path in _entries(layout.static_releases):
        if not (layout.code_releases / path.name).is_dir():
            shutil.rmtree(path)
    bridge, kept = layout.static_bridge, [path / HASHED for path in _entries(layout.static_releases)]
    for folder, _, names in os.walk(bridge, topdown=False):
        for name in names:
            below = Path(folder, name).relative_to(bridge)
            if not any((one / below).exists() for one in kept):
                Path(folder, name).unlink()
        if Path(folder) != bridge and not any(Path(folder).iterdir()):
            Path(folder).rmdir()


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _open_to_proxy(layout: Layout) -> None:
    """Make the folder that the proxy's user alone may enter, and those in it."""
    layout.static.mkdir(mode=0o750, parents=True, exist_ok=True)
    shutil.chown(layout.static, group=PROXY_GROUP)
    layout.static.chmod(0o750)
    for folder in (layout.static_releases, layout.static_bridge, layout.static_link(SLOTS[0]).parent):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)


def _copy(layout: Layout, release: Release, served: Served, target: Path) -> None:
    """Copy what may be served of one folder."""
    code = layout.code_releases / release.id
    top = code / served.folder
    if not top.is_dir() or top.resolve() != code.resolve() / served.folder:
        raise HostError(f"has no folder {served.folder}, which is to be served at {served.at}")
    files, left_out = _files(top)
    if not files:
        raise HostError(f"has no file in {served.folder} that may be served at {served.at}")
    if left_out:
        first = left_out[0].encode("utf-8", "backslashreplace").decode()
        more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        say(f"{layout.app}: {first}{more} in {served.folder} is not served: no file of that folder")
    inner = tuple(f"{one.at}/" for one in release.static if one.at != served.at)
    hashed = with_hash(files.keys())
    for tree in (PLAIN, HASHED):
        (target / tree / served.at.lstrip("/")).mkdir(parents=True, exist_ok=True)
    for path, source in files.items():
        uri = f"{served.at.rstrip('/')}/{path}"
        if uri.startswith(inner) and max(map(len, filter(uri.startswith, inner))) > len(served.at):
            continue  # the place of another folder
        below = Path(HASHED if path in hashed else PLAIN, served.at.lstrip("/"), path)
        copy = target / below
        copy.parent.mkdir(parents=True, exist_ok=True)
        _copy_file(source, copy, [layout.static_link(slot) / below for slot in SLOTS])


def _copy_page(layout: Layout, release: Release, target: Path) -> None:
    """Copy the page for visitors whom the application does not answer."""
    code = layout.code_releases / release.id
    page = code / release.error_page
    if not page.is_file() or page.resolve() != code.resolve() / release.error_page:
        raise HostError(f"has no page {release.error_page}, which is its error_page")
    target.mkdir(parents=True, exist_ok=True)
    _copy_file(page, target / ERROR_PAGE, [])


def _files(top: Path) -> tuple[dict[PurePosixPath, Path], list[str]]:
    """Return the files that may be served, by their path below `top`, and the names of what is no file in there."""
    found, left_out = {}, []
    for path in _walk(top):
        below = PurePosixPath(path.relative_to(top).as_posix())
        if not is_public(below.parts):
            continue
        # A link is followed to a file that is served itself, and to nothing else.
        real, root = Path(os.path.realpath(path)), Path(os.path.realpath(top))
        inside = real.is_relative_to(root) and is_public(real.relative_to(root).parts)
        if inside and real.exists() and stat.S_ISREG(real.lstat().st_mode):
            found[below] = real
        else:
            left_out.append(str(below))
    return dict(sorted(found.items())), sorted(left_out)


def _walk(top: Path) -> Iterator[Path]:
    """Yield all that is below a folder and no folder itself; a link to a folder is not gone into."""
    for folder, folders, names in os.walk(top):
        yield from (Path(folder, name) for name in names)
        yield from (link for name in folders if (link := Path(folder, name)).is_symlink())


def _copy_file(source: Path, copy: Path, served_now: list[Path]) -> None:
    """Copy a file, or share the same content with a release that has it at the same place: all are only ever read."""
    digest = hashlib.sha256()
    handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as given, copy.open("xb") as made:
        while piece := given.read(PIECE_BYTES):
            digest.update(piece)
            made.write(piece)
        # What the folder's name stands for is on the disk before the name is.
        made.flush()
        os.fsync(made.fileno())
    moment = FIRST_TIME + int.from_bytes(digest.digest()[:4], "big") % TIMES
    copy.chmod(0o644)
    os.utime(copy, (moment, moment))
    for one in served_now:
        if one.is_file() and int(one.stat().st_mtime) == moment and filecmp.cmp(one, copy, shallow=False):
            copy.unlink()
            os.link(one, copy)
            return


def _readable_folders(top: Path) -> None:
    for folder, _, _ in os.walk(top):
        Path(folder).chmod(0o755)


def _bridge(layout: Layout, hashed: Path) -> None:
    """Have the files with a hash in their name answer after this release too; of two with one name the newer counts."""
    for source in _walk(hashed):
        target = layout.static_bridge / source.relative_to(hashed)
        if target.is_file() and (target.samefile(source) or filecmp.cmp(target, source, shallow=False)):
            continue
        _make_room(target, layout.static_bridge)
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_name(".homeport-new")  # no file that is served has such a name
        new.unlink(missing_ok=True)
        os.link(source, new)
        new.replace(target)
    _readable_folders(layout.static_bridge)


def _make_room(target: Path, bridge: Path) -> None:
    """Remove what an older release has where a folder has to be, or the other way round."""
    for parent in target.parents:
        if parent == bridge:
            break
        if os.path.lexists(parent) and not parent.is_dir():
            parent.unlink()
    if target.is_dir():
        shutil.rmtree(target)
