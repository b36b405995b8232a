"""The application's site in the proxy: part of its release, put in place as that goes live and as it is left."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from ..services.release_description import Release
from ..services.staged_files import check_targets
from ..system import atomic
from ..system.layout import Layout
from ..system.output import HostError, say
from .chosen import proxy_of

# What does that, in the sites of all proxies (`allow_from`, `basic_auth`).
KEEPS_OUT = re.compile(
    r'auth_basic_user_file|\$edge_refused|http_auth\(|!allowed|error @outside|"allowed": \[\s*"|-visitors, '
)


def place(layout: Layout) -> Path:
    """Return the file of the application's site in the proxy's configuration."""
    return proxy_of(layout.machine).site(layout.machine, layout.app)


def _wanted(layout: Layout, release: Release) -> Path:
    return release.files / proxy_of(layout.machine).site_name


def install(layout: Layout, release: Release, *, in_haste: bool = False) -> None:
    """Have the proxy serve the site of `release`; raise HostError, with the old site still served, when it can't.

    It waits first until the connections that are open have ended, up to a minute; `in_haste` up to a second. The
    proxy is left alone when the site is the same one.
    """
    if is_installed(layout, release):
        return
    target = place(layout)
    before = read(target)
    check(layout, release)
    say(f"{layout.app}: the site is that of release {release.id} now")
    put = partial(atomic.write, target, _wanted(layout, release).read_bytes())
    try:
        proxy_of(layout.machine).reload(layout.machine, put, in_haste=in_haste)
    except HostError:
        restore(target, before)
        raise


def read(path: Path) -> bytes | None:
    """Return the site that is in place, or None."""
    return path.read_bytes() if path.exists() else None


def restore(path: Path, content: bytes | None) -> None:
    """Put back what was there."""
    if content is None:
        atomic.remove(path)
    else:
        atomic.write(path, content)


def is_installed(layout: Layout, release: Release) -> bool:
    """Tell whether the release's site is in place; a release without one makes do with what is there."""
    wanted = _wanted(layout, release)
    return not wanted.exists() or read(place(layout)) == wanted.read_bytes()


def keeps_out(layout: Layout, release: Release) -> bool:
    """Tell whether the site of `release` asks visitors for a password, or lets some addresses in alone."""
    return bool(KEEPS_OUT.search((read(_wanted(layout, release)) or b"").decode(errors="replace")))


def check(layout: Layout, release: Release) -> None:
    """Raise HostError when the proxy would not accept the site of `release`; nothing but the check sees it."""
    if is_installed(layout, release):
        return
    check_targets([place(layout)])
    proxy_of(layout.machine).check_site(layout, _wanted(layout, release).read_bytes())
