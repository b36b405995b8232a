"""Which release a rollback goes to, whether it may, and what it changes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from homeport.errors import HomeportError
from homeport.releases.listing import Migrations, ReleaseFound, Releases
from homeport.state.changes import Change

PREVIOUS = "previous"
LIST = "homeport releases TARGET lists the releases"


def find_target(asked: str, found: Releases) -> ReleaseFound:
    """Return the release to go back to: the one asked for, or the previous good one.

    Raises HomeportError when there is none, or when it never was good or is not whole.
    """
    if not found.live:
        raise HomeportError("no release is live here, so a rollback is not possible", fix="deploy first")
    name = _previous(found) if asked == PREVIOUS else asked
    target = found.get(name)
    if target is None:
        raise HomeportError(f"there is no release {name} here", fix=LIST)
    if target.state in ("bad", "never live"):
        problem = "has failed here" if target.state == "bad" else "was never live here"
        raise HomeportError(f"release {name} {problem}, and a rollback to it is refused", fix=LIST)
    if not target.whole:
        raise HomeportError(
            f"files of release {name} are missing, or the Python of its environment is",
            fix=f"deploy its commit instead: --ref {(target.commit or 'COMMIT')[:12]}",
        )
    return target


def _previous(found: Releases) -> str:
    been_live = found.get(found.live)
    if found.proven not in ("", found.live) and been_live and been_live.live_at:
        # The flag names a release that was live before, and the log does not say that it is again: a rollback that was
        # interrupted. What is before it by the log is the release that was being left.
        raise HomeportError(
            "the last switch was interrupted", fix=f"choose a release, for example with --to {found.live}"
        )
    if not found.previous:
        raise HomeportError(f"there is no good release before {found.live} to go back to", fix=LIST)
    return found.previous


def refuse_disagreement(targets: Mapping[str, str]) -> None:
    """Raise HomeportError when the hosts (name -> release) would not all go back to the same release."""
    if len(set(targets.values())) > 1:
        each = ", ".join(f"{host} to {release}" for host, release in sorted(targets.items()))
        raise HomeportError(
            f"the hosts would go back to different releases: {each}", fix="choose one with --to ID (--data release=ID)"
        )


def left_behind(found: Releases, target: ReleaseFound) -> Migrations | None:
    """Return the migrations that the live release has and the target has not; None when nobody can tell."""
    live = found.get(found.live)
    if live is None:
        return None
    if live.id == target.id or (live.tree and live.tree == target.tree) or live.migrations == ():
        return ()
    if live.migrations is None or target.migrations is None:
        return None
    known = {revision for revision, _ in target.migrations}
    return tuple((revision, title) for revision, title in live.migrations if revision not in known)


def refuse_migrations(found: Releases, target: ReleaseFound, *, accepted: bool) -> None:
    """Raise HomeportError when migrations lie between and nobody has said that this is known."""
    between = left_behind(found, target)
    if accepted or between == ():
        return
    fix = f"make sure that release {target.id} works with them, then add --yes (--data accept_migrations=true)"
    if between is None:
        raise HomeportError(
            f"migrations may lie between {found.live} and {target.id}, and a rollback does not undo them", fix=fix
        )
    raise HomeportError(f"a rollback does not undo migrations, and these lie between: {_listed(between)}", fix=fix)


def start_changes(found: Releases, target: ReleaseFound) -> tuple[Change, ...]:
    """Return the start of the target in the idle slot, and which migrations the database keeps."""
    if found.live == target.id and found.running:
        return ()
    between = left_behind(found, target)
    kept = "perhaps newer migrations" if between is None else _listed(between)
    notes = (Change("keep", f"in the database: {kept}", "a rollback does not undo migrations"),) if kept else ()
    return (Change("start", f"release {target.id} again", f"live: {found.live}"), *notes)


def switch_changes(found: Releases, target: ReleaseFound) -> tuple[Change, ...]:
    """Return the switch to the target, or the end of one that was interrupted."""
    if start_changes(found, target):
        return (Change("switch", f"back to release {target.id}", f"live: {found.live}"),)
    if found.proven != target.id:
        return (Change("finish", f"the switch to release {target.id}", "it was interrupted"),)
    return ()


def _listed(migrations: Migrations) -> str:
    return ", ".join(f"{revision} {title}".strip() for revision, title in migrations)
