"""Whether the database has all migrations of a release already: asked when it is at one that the release does not have.

For an older commit that is so, and nothing is to be done. For two branches whose migrations have the same parent, and
for a squash, it is not so: the release's own migrations were never run. Alembic cannot tell one from the other, since
the release does not have the database's migration. The other releases on this host do, and what came before each of
theirs is kept (`revisions.json`) for when they are removed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from ..system import atomic
from ..system.layout import Layout
from ..system.output import HostError, say
from .migration_files import parse, version_folders

Parents = Mapping[str, frozenset[str]]
MOST_NAMED = 3


def of_release(layout: Layout, release: str) -> Parents | None:
    """Return what comes right before each Alembic migration of a release; None when nobody can tell."""
    folder = layout.code_releases / release
    try:
        places = version_folders((folder / "alembic.ini").read_text())
        files = [path for place in places or () for path in sorted((folder / place).glob("*.py"))]
        found = [parse(path.name, path.read_text()) for path in files if path.name != "__init__.py"]
    except (OSError, ValueError):
        return None
    migrations = [one for one in found if one]
    if places is None or len(migrations) < len(found):
        return None
    labelled = {label: one.revision for one in migrations for label in one.labels}
    return _agreed({one.revision: frozenset(labelled.get(name, name) for name in one.parents)} for one in migrations)


def note_mistaken(layout: Layout, release: str, file: Path) -> None:
    """Write to `file` which revisions of other releases Alembic would take for one of this release; no file for none.

    In the database's table Alembic reads the beginning of a revision's name as the whole name, unless the release has
    one that is called so (alembic.script.revision, _revision_for_ident): at 0003 of another branch it believes that
    0003b of this one was run. The migration script looks at what the database is when there are such.
    """
    own = of_release(layout, release) or {}
    others = set(known(layout)) - set(own)
    mistaken = sorted(one for one in others if any(name.startswith(one) for name in own))
    if mistaken:
        atomic.write(file, "".join(f"{one}\n" for one in mistaken).encode())
    else:
        atomic.remove(file)


def record(layout: Layout) -> None:
    """Keep what the releases on this host know of their migrations; never raises, a full disk fails no release."""
    try:
        seen, parents = _read(layout)
        folders = sorted(path.name for path in layout.code_releases.iterdir() if (path / "alembic.ini").is_file())
        fresh = {name: of_release(layout, name) for name in folders if name not in seen}
        if fresh:
            parents = _agreed([parents, *(one for one in fresh.values() if one)])
            listed = {name: sorted(before) for name, before in sorted(parents.items())}
            text = json.dumps({"releases": folders, "parents": listed}, indent=1)
            atomic.write(layout.revisions, f"{text}\n".encode())
    except OSError as error:
        say(f"{layout.app}: the list of this release's migrations cannot be written: {error}")


def known(layout: Layout) -> Parents:
    """Return what comes right before each migration, as the record has it and the releases that it does not name."""
    seen, parents = _read(layout)
    folders = layout.code_releases.iterdir() if layout.code_releases.is_dir() else ()
    others = (of_release(layout, path.name) for path in folders if path.name not in seen)
    return _agreed([parents, *(one for one in others if one)])


def check(release: Parents, databases: Collection[Collection[str]], known: Parents) -> None:
    """Raise HostError unless each of the databases has all migrations of `release`.

    `databases` are the revisions that each version table holds. What was run with one of them is told by `known`.
    """
    if not databases:
        raise HostError(
            "the database is at a migration that this release does not have, and Alembic did not say at which"
        )
    parents = _agreed([known, release])
    for heads in databases:
        lacking = sorted(set(release) - _with_all_before(heads, parents))
        if lacking:
            raise HostError(_refusal(sorted(heads), lacking, sorted(set(heads) - set(parents))))


def _refusal(heads: list[str], lacking: list[str], unknown: list[str]) -> str:
    at, named = _listed(heads) or "no migration", _listed(lacking)
    if unknown:
        return (
            f"the database is at {at}, and nobody can tell whether {named} of this release was run on it, since no "
            f"release on this host has {_listed(unknown)}: deploy a commit that has it, or go back with 'homeport "
            "rollback', which migrates nothing"
        )
    return (
        f"the database is at {at}, and {named} of this release was never run on it. Two branches with migrations of "
        "one parent: deploy a commit that has both, joined by 'alembic merge'. A squash: deploy it once with "
        'migrate_command = "alembic stamp --purge head"'
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _with_all_before(heads: Iterable[str], parents: Parents) -> set[str]:
    found: set[str] = set()
    ahead = list(heads)
    while ahead:
        one = ahead.pop()
        if one not in found:
            found.add(one)
            ahead += parents.get(one, ())
    return found


def _agreed(sources: Iterable[Parents]) -> dict[str, frozenset[str]]:
    """Return all that is known. Where two disagree on what comes before a migration, only what both say counts."""
    agreed: dict[str, frozenset[str]] = {}
    for source in sources:
        for revision, before in source.items():
            agreed[revision] = agreed.get(revision, before) & before
    return agreed


def _read(layout: Layout) -> tuple[set[str], Parents]:
    """Return the releases that the record names, and what they know; a record that is not whole names none."""
    try:
        raw = json.loads(layout.revisions.read_text())
        parents = {str(name): frozenset(map(str, before)) for name, before in raw["parents"].items()}
        return set(map(str, raw["releases"])), parents
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set(), {}
