"""The wanted release's own files under /etc, as the host has them: are they those for this machine as it is? Pure.

What a release is does not depend on the machine, and some of its files do: the site on the version of its Nginx and on
IPv6, the units on its memory. So the same release may be on a host with files for what the host was before, say before
an upgrade of its distribution; whoever starts it there installs these.
"""

from __future__ import annotations

from collections.abc import Iterator

from homeport.proxies.chosen import proxy_of
from homeport.state.changes import Change
from homeport.state.snapshot import Snapshot
from homeport.state.wanted import File, Wanted

# It also has who made the release and when. What follows from the machine is compared by itself.
DESCRIPTION = "release.json"


def release_changes(wanted: Wanted, found: Snapshot) -> tuple[Change, ...]:
    """Return the upload of the release, unless it is on the host as a whole, made for this host as it is.

    The live one is left as it is, but for its site (`live_site`): who migrates, how many workers there are and what
    they may take changes with the next release.
    """
    release = wanted.release
    if release is None:
        return ()
    what = f"release {release.id}"
    if release.id not in found.releases:
        return (Change("upload", what, f"{release.ref} at {release.commit[:12]}"),)
    if found.live_release == release.id:
        return ()
    there = found.uploaded
    if there is None or (there.workers, there.migrates) != (release.workers, release.migrates):
        return (Change("upload", what, "its workers or its migration have changed here"),)
    if names := [_name(file) for file in _differing(wanted, found)]:
        return (Change("upload", what, f"made for what this machine was before: {', '.join(names)}"),)
    return ()


def live_site(wanted: Wanted, found: Snapshot) -> tuple[File, ...]:
    """Return the live release's own copy of its site, where that is not the one which the proxy is to have.

    A start in the other slot puts the copy into the proxy: a restart, or the deploy that made the difference.
    """
    if wanted.release is None or found.live_release != wanted.release.id:
        return ()
    return tuple(file for file in _differing(wanted, found) if _name(file) == proxy_of(wanted.proxy).site_name)


def _differing(wanted: Wanted, found: Snapshot) -> Iterator[File]:
    """Yield the release's files that the host has otherwise, or not at all; none where nobody knows."""
    there = found.uploaded.files if found.uploaded else {}
    for file in wanted.release.etc if wanted.release and there else ():
        if _name(file) != DESCRIPTION and there.get(_name(file)) != file.digest:
            yield file


def _name(file: File) -> str:
    return file.path.rpartition("/")[2]
