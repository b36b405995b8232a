"""Where the values of secrets may be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.errors import UsageError
from homeport.exports.engines.container import dockerignore
from homeport.exports.reading import Exported, refuse_secrets
from tests.exports.subjects import CODE, subject


def exported(folder: str, *never: str) -> Exported:
    given = subject(code=CODE.__class__(**{**vars(CODE), "never": never}))
    return Exported(given, Path(folder), (), Path("/a/app"), tuple(dockerignore(given).splitlines()))


@pytest.mark.parametrize("folder", ["/a/app", "/a/app/out", "/a/app/.container", "/a/app/exports"])
def test_values_of_secrets_are_not_written_into_what_an_image_is_built_from(folder: str) -> None:
    with pytest.raises(UsageError, match=f"{folder}/secrets lies in the application's folder") as raised:
        refuse_secrets(exported(folder, "deploy"))
    assert raised.value.key == "--secrets"


@pytest.mark.parametrize(
    "folder", ["/a", "/a/exports/compose", "/a/app/deploy/exports/compose", "/a/apps", "/a/app/.git"]
)
def test_they_are_written_elsewhere_and_where_no_image_has_them(folder: str) -> None:
    refuse_secrets(exported(folder, "deploy"))
