"""Settings of the files that the proxy serves by itself, out of the release; a part of `homeport.settings.model`."""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, field_validator, model_validator

from homeport.settings.types import TextList

# What needs no escape in a URL, in a regular expression's brackets, or in Nginx's configuration (RFC 3986, 2.3). A name
# that begins with a dot is nobody's to see, but for the one that RFC 8615 makes public.
_PART = r"(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*|\.well-known)"
_PLACE = re.compile(rf"/|(?:/{_PART})+")
# The paths that are the application's alone when nobody says which: the usual name, with all below it.
USUAL_API_PATHS = ("/api",)


def application_paths(api_paths: tuple[str, ...] | None, health_path: str) -> tuple[str, ...]:
    """Return the URL paths that the application alone answers, below a `spa` too; its health is always among them."""
    paths = USUAL_API_PATHS if api_paths is None else api_paths
    health = health_path.partition("?")[0].rstrip("/")
    return tuple(dict.fromkeys((*paths, *([health] if _PLACE.fullmatch(health) else []))))


class Served(NamedTuple):
    """A folder of the release that is served below the URL path `at`; with `spa` its index.html stands for pages."""

    at: str
    folder: str
    spa: bool


def _folder(number: int, value: object) -> object:
    """Return the folder without what changes nothing; raise ValueError for one that may not be served."""
    if not isinstance(value, str):
        raise ValueError(f"item {number} must be a text")
    if value.startswith(("/", "~")) or not value.isprintable() or "\\" in value:
        raise ValueError(f"item {number} is not a folder below the application's folder")
    parts = [one for one in value.split("/") if one not in ("", ".")]
    if not parts:
        raise ValueError(f"item {number} is the application's whole folder: name the one that visitors may read")
    if ".." in parts:
        raise ValueError(f"item {number} leads out of the application's folder")
    if any(one.startswith(".") for one in parts):
        raise ValueError(f"item {number} has a part that begins with a dot, and is never served")
    return "/".join(parts)


def place(number: int, value: object) -> str:
    """Return a URL path without the slash at its end; raise ValueError for one that Nginx's site cannot name."""
    found = value.rstrip("/") or "/" if isinstance(value, str) and value else ""
    if not _PLACE.fullmatch(found):
        raise ValueError(f"item {number} is not a URL path of letters, digits and ._~- that begins with a slash")
    return found


def _folders(value: object) -> object:
    if not isinstance(value, dict):
        return value
    found: dict[str, object] = {}
    for number, (given, folder) in enumerate(value.items(), 1):
        at = place(number, given)
        if at in found:
            raise ValueError(f"item {number} has the URL path of another one")
        found[at] = _folder(number, folder)
    return found


def _places(value: tuple[str, ...]) -> tuple[str, ...]:
    places = tuple(place(number, one) for number, one in enumerate(value, 1))
    if "/" in places:
        raise ValueError('"/" is every path: leave spa out if the application answers them all')
    return places


def _page(value: object) -> object:
    """Return the path of an HTML page of the release; raise ValueError for one that may not be served."""
    if value is None or value == "None":  # `--data error_page=None` arrives as text
        return None
    if isinstance(value, str) and value.startswith(("/", "~")):
        raise ValueError("must be a page below the application's folder")
    page = _folder(1, value)
    if not (isinstance(page, str) and page.endswith(".html")):
        raise ValueError("must be a page of HTML, with a name that ends in .html")
    return page


Folders = Annotated[dict[str, str], BeforeValidator(_folders)]
UrlPaths = Annotated[TextList, AfterValidator(_places)]


class StaticSettings(BaseModel):
    """The files of a release that visitors get without the application."""

    # --- files that the proxy serves -------------------------------------------------------------------------------
    static: Folders = Field(
        {},
        description='Folders of the release that the proxy serves by itself, by URL path: `{"/static": '
        '"app/static"}`. What is no file there is the application\'s to answer.',
    )
    spa: Folders = Field(
        {},
        description='Folders with a built frontend, by URL path: `{"/": "frontend/dist"}`. Its files are served as '
        "`static` ones are, then the application answers; where that knows no such page (404, 405), a visitor who "
        "opens one gets the folder's index.html.",
    )
    api_paths: UrlPaths | None = Field(
        None,
        description="URL paths below a `spa` that the application alone answers, with all below them. Set, they are "
        "all that it is asked for when a page is opened: every other page is index.html at once. Unset: `/api` is "
        "the application's alone, and it is asked for every page first.",
    )
    error_page: Annotated[str | None, BeforeValidator(_page)] = Field(
        None,
        description="A page of the release for visitors when the application fails to answer, is being started or "
        'takes too long (502, 503, 504): `"pages/error.html"`. Unset: a plain page of the proxy\'s. Who asks for JSON '
        "gets JSON either way; what the application answers itself is passed on as it is.",
    )

    @field_validator("api_paths", mode="before")
    @classmethod
    def _unset(cls, value: object) -> object:
        # `--data api_paths=None` arrives as text.
        return None if value == "None" else value

    @model_validator(mode="after")
    def _places_fit_together(self) -> Self:
        if "/" in self.static:
            raise ValueError(
                'static must not have "/", which would be the whole site: name the path that its links have, or use spa'
            )
        if both := sorted(set(self.static) & set(self.spa)):
            raise ValueError(f"static and spa must not both contain {both[0]}")
        if self.api_paths is not None and not self.spa:
            raise ValueError("api_paths is for spa, which is not set")
        return self

    @property
    def served(self) -> tuple[Served, ...]:
        """All folders that the proxy serves, in the order of their URL paths."""
        found = [Served(at, folder, False) for at, folder in self.static.items()]
        found += [Served(at, folder, True) for at, folder in self.spa.items()]
        return tuple(sorted(found))
