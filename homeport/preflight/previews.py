"""Whether a preview can be made on a host, and that nothing else is taken for one, or one for something else. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from homeport.comparison.compare import file_changes
from homeport.errors import HomeportError
from homeport.settings import Settings
from homeport.source.tree_contents import some
from homeport.state.paths import AppPaths
from homeport.state.snapshot import Claim, Snapshot
from homeport.state.wanted import Wanted


def refusal(settings: Settings, wanted: Wanted, found: Snapshot) -> HomeportError | None:
    """Return why the application cannot be brought to this host as the preview, or as the application, that it is."""
    claims = {claim.app: claim for claim in found.claims if claim.app}
    own = claims.get(settings.app_name)
    if settings.preview is None:
        return _is_preview(own) if own and own.preview_of else None
    of, branch = settings.preview.of, settings.preview.branch
    if own and own.preview_of != of:
        return HomeportError(
            f"the application {own.app} on this host is no preview", key="app_name", fix="give the branch another name"
        )
    if own and own.branch != branch:
        return HomeportError(
            f"{own.app} is the preview of another branch on this host, {own.branch}",
            key="preview",
            fix=f"homeport preview down {own.branch}, or give the branch another name",
        )
    # A preview that was cut as it was made has an empty one.
    if own is None and AppPaths(settings.app_name).state in found.occupied:
        return HomeportError(
            f"the host has data of an application {settings.app_name}, which is gone",
            key="app_name",
            fix="give the branch another name",
        )
    if of not in claims:
        return HomeportError(f"{of} is not on this host", key="preview", fix="deploy it first")
    if differing := list(_shared(settings, wanted, found)):
        return HomeportError(
            f"a preview changes nothing of the machine, and {some(differing)} would change",
            key="preview",
            fix=f"deploy {of} with this homeport and these settings first",
        )
    return None


def _is_preview(own: Claim) -> HomeportError:
    return HomeportError(
        f"{own.app} is a preview of {own.preview_of} on this host",
        key="app_name",
        fix=f"homeport preview down {own.branch}, or choose another name",
    )


def _shared(settings: Settings, wanted: Wanted, found: Snapshot) -> Iterator[str]:
    """Yield the files that would change and are not the preview's own: these have its name in their path."""
    changes, app = file_changes(wanted, found), settings.app_name
    for path in (*(file.path for file in changes.files), *changes.absent):
        if app not in path and app.replace("-", "_") not in path:
            yield path
