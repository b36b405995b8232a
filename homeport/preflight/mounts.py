"""Whether an application can be mounted where its settings say: whose the name is, and who else has the path. Pure."""

from __future__ import annotations

from homeport.errors import HomeportError
from homeport.host.system.site_names import STAR
from homeport.settings import Settings
from homeport.state.snapshot import Claim, Snapshot


def refusal(settings: Settings, found: Snapshot) -> HomeportError | None:
    """Return why the application cannot be mounted on this host, or no longer; None when it can, or need not."""
    claims = {claim.app: claim for claim in found.claims if claim.app}
    own = claims.get(settings.app_name)
    if own and own.mounted_on != (settings.mounted_on or ""):
        return _moved(settings, own)
    if not settings.mounted_on:
        return None
    if settings.proxy != "nginx":  # which another application of the machine has set
        return HomeportError("the machine's proxy is not Nginx, which alone has mounts", key="mounted_on")
    owner = claims.get(settings.mounted_on)
    if owner is None or owner.mounted_on:
        what = "is not on this host" if owner is None else f"is mounted on {owner.mounted_on} itself"
        return HomeportError(f"{settings.mounted_on} {what}", key="mounted_on", fix="deploy the name's owner first")
    if settings.domain not in owner.domains:
        names = " or ".join(name for name in owner.domains if not name.startswith(STAR))
        return HomeportError(
            f"{settings.mounted_on} does not have the name {settings.domain}", key="domain", fix=f"set it to {names}"
        )
    return next((_taken(settings, claim) for claim in found.claims if _overlaps(settings, claim)), None)


def _moved(settings: Settings, own: Claim) -> HomeportError:
    before = f"is mounted on {own.mounted_on}" if own.mounted_on else "has a name of its own"
    return HomeportError(
        f"{settings.app_name} {before} on this host, and a deploy does not change that",
        key="mounted_on",
        fix="homeport remove TARGET, which keeps its data, and deploy again",
    )


def _overlaps(settings: Settings, claim: Claim) -> bool:
    """Tell whether another application has the path, one above or one below it."""
    if claim.app == settings.app_name or claim.mounted_on != settings.mounted_on:
        return False
    ours, theirs = f"{settings.mount_path}/", f"{claim.mount_path}/"
    return ours.startswith(theirs) or theirs.startswith(ours)


def _taken(settings: Settings, claim: Claim) -> HomeportError:
    return HomeportError(
        f"{claim.app} is mounted on {settings.mounted_on} at {claim.mount_path}",
        key="mount_path",
        fix="choose a path that is neither above nor below it",
    )
