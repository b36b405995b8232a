"""The files that the proxy is to serve of a release: that they are there, and what of the application they hide. Pure.

The proxy looks for a file first and asks the application second, so that nothing of the application is hidden but a
route whose path is a file's.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from homeport.errors import UsageError
from homeport.host.release.static_names import is_public
from homeport.settings.model import Settings
from homeport.settings.static import Served, application_paths
from homeport.source.code import full_path, read_code
from homeport.source.release import Source
from homeport.source.tree_contents import folders, modules

INDEX = "index.html"
NAME_ONE = "name one below the application's folder; what a build makes and git ignores, release_include has to name"


def check_served(source: Source, settings: Settings) -> None:
    """Raise UsageError when a folder that is to be served is not one of the release, or not one for visitors."""
    paths = source.paths() if settings.served or settings.error_page else frozenset()
    if settings.error_page and settings.error_page not in paths:
        raise UsageError(
            f"the release has no file {settings.error_page}",
            key="error_page",
            fix=NAME_ONE,
        )
    if not settings.served:
        return
    for served in settings.served:
        if problem := _problem(served, paths):
            raise UsageError(problem[0], key=_key(served), fix=problem[1])
    health = settings.health_path.partition("?")[0]
    if hiding := served_at(source, settings).get(health):
        hides = f"{health} is the file {hiding} for visitors, and the application's health is not seen there"
        raise UsageError(hides, key="health_path", fix="set it to a path of the application that no file has")


def warnings(source: Source, settings: Settings) -> Iterator[str]:
    """Yield what to say of routes that visitors never reach, since the proxy has a file at their path."""
    if not settings.served:
        return
    files = served_at(source, settings)
    for path, module in sorted(routes(source.texts()).items()):
        if path in files:
            yield (
                f"visitors get the file {files[path]} at {path}, and never the application's route ({module}): "
                "rename one of them, or leave the route out"
            )


def served_at(source: Source, settings: Settings) -> dict[str, str]:
    """Return which file of the release a visitor gets, by URL path; a folder's index.html has two."""
    found: dict[str, str] = {}
    paths = sorted(source.paths())
    alone = application_paths(settings.api_paths, settings.health_path)
    for served in settings.served:
        inner = [one.at for one in settings.served if len(one.at) > len(served.at)]
        for path in paths:
            if not path.startswith(f"{served.folder}/"):
                continue
            below = path.removeprefix(f"{served.folder}/")
            place = posixpath.join(served.at, below)
            hidden = served.spa and any(f"{place}/".startswith(f"{one}/") for one in alone)
            hidden = hidden or any(place.startswith(f"{one}/") for one in inner)
            if hidden or not is_public(PurePosixPath(below).parts):
                continue
            found[place] = path
            if posixpath.basename(place) == INDEX:
                found[place.removesuffix(INDEX)] = path
    return found


def routes(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the paths that plainly answer to GET, each with the module that has the route."""
    modules = {path: read_code(text) for path, text in texts.items() if path.endswith(".py")}
    mounted = any(code.mounts for code in modules.values())
    found = {}
    for path, code in modules.items():
        for route in code.routes:
            if place := full_path(route, code, mounted):
                found[place] = path
    return found


def _key(served: Served) -> str:
    return "spa" if served.spa else "static"


def _problem(served: Served, paths: frozenset[str]) -> tuple[str, str] | None:
    """Return what is wrong with a folder, and what to do; None when nothing is."""
    inside = [path for path in paths if path.startswith(f"{served.folder}/")]
    named = f"{served.folder} (served at {served.at})"
    if served.folder in paths:
        return f"{named} is no folder in the release but a file or a link", "name a folder"
    if not inside:
        return (
            f"the release has no folder {named}",
            NAME_ONE,
        )
    if code := modules(inside):
        return (
            f"{named} has code of the application in it ({code[0]}), which visitors could read",
            "name a folder that has nothing but files for visitors",
        )
    public = [path for path in inside if is_public(PurePosixPath(path.removeprefix(f"{served.folder}/")).parts)]
    if not public:
        return f"{named} has no file that may be served: what begins with a dot is not", "name the folder of the files"
    if served.spa and f"{served.folder}/{INDEX}" not in public:
        return (
            f"{named} has no {INDEX}",
            "name the folder that the frontend's build has put it into" + _near(paths),
        )
    return None


def _near(paths: frozenset[str]) -> str:
    """Return where there is an index.html, as the end of a sentence."""
    found = sorted(folder for folder in folders(paths) if f"{folder}/{INDEX}" in paths)
    return f" (there is one in {found[0]})" if found else ""
