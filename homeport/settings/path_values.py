"""Settings of the proxy that differ below a path: what may stand there, and why not. Pure."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from homeport.settings.edge_values import path_problem
from homeport.settings.types import Text

# Each one is a part of the site's configuration.
MOST_PATHS = 20


class PathSettings(BaseModel):
    """What is different below a path; what is not said is as for the whole site."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    client_max_body_megabytes: Annotated[int, Field(ge=1)] | None = None
    proxy_read_timeout_seconds: Annotated[int, Field(ge=1)] | None = None
    streamed: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self == PathSettings.model_construct():
            raise ValueError(
                "says nothing: name client_max_body_megabytes, proxy_read_timeout_seconds or streamed (True)"
            )
        return self


def check_paths(value: dict[str, PathSettings]) -> dict[str, PathSettings]:
    """Return the settings by path, without its last slash; raise ValueError for a path that a proxy cannot compare."""
    found: dict[str, PathSettings] = {}
    if len(value) > MOST_PATHS:
        raise ValueError(f"must not have more than {MOST_PATHS} paths")
    for number, (path, settings) in enumerate(value.items(), 1):
        if problem := path_problem(path):
            raise ValueError(f"item {number} {problem}")
        plain = path.rstrip("/")
        if not plain:
            raise ValueError(f"item {number} is every path: set what it says for the whole site")
        if plain in found:
            raise ValueError(f"item {number} is there twice: the last / does not matter")
        found[plain] = settings
    return found


SettingsByPath = Annotated[dict[Text, PathSettings], AfterValidator(check_paths)]
