"""The application's site in Nginx: part of its release, put in place when the release goes live and when it is left."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from ..services.release_description import Release
from ..services.staged_files import Stage, check_targets
from ..system import atomic
from ..system.layout import Layout
from ..system.output import HostError, say
from . import closing, nginx

SITE = "site.conf"


def install(layout: Layout, release: Release, *, in_haste: bool = False) -> None:
    """Have Nginx serve the site of `release`; raise HostError, with the old site still served, when it can't.

    It waits first until the connections that are open have ended, up to a minute; `in_haste` up to a second. Nginx is
    left alone when the site is the same one.
    """
    wanted, place = release.files / SITE, layout.proxy_site
    if is_installed(layout, release):
        return
    before = read(place)
    check(layout, release)
    say(f"{layout.app}: the site is that of release {release.id} now")
    seconds = closing.SHORT_SECONDS if in_haste else closing.FULL_SECONDS
    put = partial(atomic.write, place, wanted.read_bytes())
    try:
        nginx.reload(layout.machine, put, closing_seconds=seconds)
    except HostError:
        restore(place, before)
        raise


def read(place: Path) -> bytes | None:
    """Return the site that is in place, or None."""
    return place.read_bytes() if place.exists() else None


def restore(place: Path, content: bytes | None) -> None:
    """Put back what was there."""
    if content is None:
        atomic.remove(place)
    else:
        atomic.write(place, content)


def is_installed(layout: Layout, release: Release) -> bool:
    """Tell whether the release's site is in place; a release without one makes do with what is there."""
    wanted = release.files / SITE
    return not wanted.exists() or read(layout.proxy_site) == wanted.read_bytes()


def check(layout: Layout, release: Release) -> None:
    """Raise HostError when Nginx would not accept the site of `release`; nothing but the check sees it."""
    if is_installed(layout, release):
        return
    check_targets([layout.proxy_site])
    with tempfile.TemporaryDirectory(prefix="homeport-nginx-") as place:
        staged = Stage(Path(place))
        staged.copy(layout.machine.nginx)
        staged.put(layout.proxy_site, (release.files / SITE).read_bytes())
        done = staged.run("nginx", "-t", "-q")
    if done.returncode:
        lines = tuple(done.stderr.strip().splitlines())
        raise HostError(f"nginx does not accept its site: {lines[0] if lines else 'no reason given'}", lines)
