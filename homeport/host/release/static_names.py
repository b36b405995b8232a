"""Which files of a served folder visitors may have, and which of them have a hash of their content in the name. Pure.

A name with a hash means one content for ever: browsers keep the file without asking again, and a page of an older
release may still ask for it. Taking a plain name for such a one would show visitors an old file for a year, so a name
counts only when it can hardly be anything else; the others are asked about each time, which costs a short answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

# The one folder with a dot that is made to be read (RFC 8615): an app store's or a browser's questions.
WELL_KNOWN = ".well-known"
# Names that a browser is given by people and crawlers; they are never the same for ever.
PAGES = (".html", ".htm", ".xhtml")
SCRIPTS = (".js", ".mjs", ".css")
# The folder that SvelteKit puts what never changes into (its documentation, "App directory").
FOR_EVER = "immutable"
# webpack, Django, Flask-Assets, workbox: 8 or more hexadecimal digits; a date is none.
HEXADECIMAL = re.compile(r"(?:^|[-._])(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])(?!(?:19|20)\d{6}[a-f]?$)[0-9a-f]{8,64}$")
# Vite, Rollup and esbuild: 8 characters of base64url or base32, after a hyphen or a dot, or as the whole name.
SHORT = re.compile(r"(?:^|-)([A-Za-z0-9_-]{8})$")
# What people write: words, an abbreviation before them, a number after them; a date; a picture's size.
WRITTEN = re.compile(r"(?:[A-Z]{2,5}|[a-z])?(?:[A-Z]?[a-z]{2,})+[_-]?\d{0,4}|[a-z]+[_-][a-z]+|\d+|\d+x\d+")


def is_public(path: Iterable[str]) -> bool:
    """Tell whether a file whose path has these parts may be served: nothing that begins with a dot is."""
    return all(part == WELL_KNOWN or not part.startswith(".") for part in path)


def with_hash(paths: Collection[PurePosixPath]) -> set[PurePosixPath]:
    """Return those of the paths, all of one served folder, whose names have a hash of the content in them."""
    found = {path for path in paths if _is_asset(path) and (FOR_EVER in path.parts or _has_hexadecimal(path.name))}
    by_folder: dict[PurePosixPath, list[PurePosixPath]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, []).append(path)
    for inside in by_folder.values():
        found |= _short_ones(inside)
    return found


def _is_asset(path: PurePosixPath) -> bool:
    return len(path.name.split(".")) > 1 and not any(f".{part}" in PAGES for part in path.name.lower().split(".")[1:])


def _stems(name: str) -> list[str]:
    """Return the parts of a name between dots, without the last, which is its type: `app.4f1c.js.map` has three."""
    return name.split(".")[:-1]


def _has_hexadecimal(name: str) -> bool:
    return any(HEXADECIMAL.search(stem) for stem in _stems(name))


def _has_short(name: str) -> bool:
    found = (SHORT.search(stem) for stem in _stems(name))
    return any(one is not None and not WRITTEN.fullmatch(one[1]) for one in found)


def _short_ones(folder: list[PurePosixPath]) -> set[PurePosixPath]:
    """Return the files of one folder with a short hash: 8 characters alone say little, but those of a builder do.

    A builder puts what it has named into a folder where most scripts and stylesheets are named so.
    """
    built = [path for path in folder if _is_asset(path) and _has_short(path.name)]
    scripts = [path for path in folder if path.suffix in SCRIPTS]
    named = sum(path.suffix in SCRIPTS for path in built)
    return set(built) if named * 2 > len(scripts) else set()
