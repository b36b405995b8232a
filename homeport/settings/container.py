"""Settings of the image that `homeport export` builds on; a part of `homeport.settings.model`."""

from __future__ import annotations

from pydantic import BaseModel, Field

from homeport.settings.types import Text

# The grammar of Docker's reference package: registry, path, tag, digest.
_PART = r"[a-z0-9]+([._-]+[a-z0-9]+)*"
_NAME = rf"({_PART}(\.{_PART})*(:[0-9]+)?/)?{_PART}(/{_PART})*"


class ContainerSettings(BaseModel):
    """What an exported container is built from, and how its image is called."""

    # --- containers ------------------------------------------------------------------------------------------------
    base_image: Text | None = Field(
        None,
        pattern=rf"^{_NAME}(:[A-Za-z0-9_][A-Za-z0-9._-]*)?(@sha256:[0-9a-f]{{64}})?$",
        description="For `homeport export`: the image with Python that the application's is built from, of Debian or "
        'Ubuntu: `"python:3.13-slim@sha256:…"`; unset: the official slim image of the application\'s Python.',
    )
    image_name: Text | None = Field(
        None,
        pattern=rf"^{_NAME}$",
        description='For `homeport export`: what the image is called, without a tag, `"registry.example.com/team/notes"'
        "`; unset: as the application.",
    )
