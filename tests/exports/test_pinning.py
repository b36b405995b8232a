"""A base image's digest, as the engine's client is told."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from homeport.errors import HomeportError
from homeport.exports.pinning import pinned

NEW, OLD, OTHER = (f"sha256:{letter * 64}" for letter in "abc")


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")


def client(*known: str, fails: str = "") -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what stands in for docker: the digests that it knows of an image, or what it says as it pulls none."""

    def call(words: Sequence[str], **given: Any) -> subprocess.CompletedProcess[str]:
        status = 1 if fails and words[1] == "pull" else 0
        return subprocess.CompletedProcess(words, status, json.dumps([{"RepoDigests": [*known]}]), fails)

    return call


@pytest.mark.parametrize(
    ("image", "known", "found"),
    [
        ("python:3.13-slim", [f"python@{NEW}"], f"python:3.13-slim@{NEW}"),
        (f"python:3.13-slim@{OLD}", [f"python@{NEW}"], f"python:3.13-slim@{NEW}"),
        ("python:3.13-slim", [f"docker.io/library/python@{NEW}"], f"python:3.13-slim@{NEW}"),
        ("localhost:5000/base", [f"other@{OTHER}", f"localhost:5000/base@{NEW}"], f"localhost:5000/base@{NEW}"),
    ],
)
def test_a_tag_gets_the_digest_that_it_has_now(image: str, known: list[str], found: str) -> None:
    assert pinned(image, client(*known)) == found


@pytest.mark.parametrize(
    ("run", "line"),
    [
        (client(f"other@{OTHER}"), "docker knows no digest of python:3.13: it is of no registry"),
        (client(fails="pull access denied\n\n"), "docker pull python:3.13 failed: pull access denied"),
    ],
)
def test_one_that_has_none_or_cannot_be_asked_for_is_one_line(run: Any, line: str) -> None:
    with pytest.raises(HomeportError) as caught:
        pinned("python:3.13", run)
    assert caught.value.line() == line
