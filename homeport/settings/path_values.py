"""Settings of the proxy that differ below a path: what may stand there, and why not. Pure."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from homeport.settings.edge_values import by_path
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
    return by_path(value, MOST_PATHS, everything="is every path: set what it says for the whole site")


SettingsByPath = Annotated[dict[Text, PathSettings], AfterValidator(check_paths)]
