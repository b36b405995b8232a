"""An image that is pushed: what the engine's client is told, what is kept of it, and what its SBOM says."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from homeport.errors import HomeportError, UsageError
from homeport.exports.pushing import Image, check, push
from homeport.exports.sbom import LISTING, Inventory, inventory_of, sbom

IMAGE = Image("registry.example.com:5000/team/notes", "0123456789ab", "c" * 40, "/a/app")
DIGEST = f"sha256:{'d' * 64}"
FOUND = Inventory(
    "3.13.5",
    (("FastAPI", "0.118.0", "MIT"), ("typing_extensions", "4.15.0", "")),
    (("libc6", "2.41-12", "amd64"),),
    ("debian", "13"),
    datetime(2026, 11, 30, 6, 0, tzinfo=UTC),
)


class Client:
    """Stands in for docker; `fails` is what one of its commands says as it fails."""

    def __init__(self, **fails: str):
        self.fails = fails
        self.calls: list[list[str]] = []
        self.environments: list[dict[str, str]] = []

    def __call__(self, words: Sequence[str], **given: Any) -> subprocess.CompletedProcess[str]:
        self.calls.append([*words])
        self.environments.append(given["env"])
        said = self.fails.get(words[1])
        if "--metadata-file" in words:
            about = Path(words[words.index("--metadata-file") + 1])
            about.write_text(json.dumps({"containerimage.digest": DIGEST}))
        answers = {
            "image": json.dumps(
                [
                    {
                        "RepoDigests": ["other@sha256:1", f"{IMAGE.name}@{DIGEST}"],
                        "Created": "2026-11-30T06:00:00.123456789Z",
                    }
                ]
            ),
            "run": json.dumps(
                {"python": [["a", "1", ""]], "debian": [], "system": ["debian", "13"], "version": "3.13.5"}
            ),
        }
        return subprocess.CompletedProcess(words, 1 if said else 0, answers.get(words[1], ""), said or "")


@pytest.fixture(autouse=True)
def docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name == "docker" else None)


def test_the_image_is_built_and_pushed_by_its_release_and_its_digest_is_kept(tmp_path: Path) -> None:
    client = Client()
    assert push(replace(IMAGE, secrets=("INDEX_TOKEN",)), tmp_path, client) == f"{IMAGE.name}@{DIGEST}"
    build, pushed, _, look = client.calls
    assert build[:2] == ["docker", "build"]
    assert build[-1] == "/a/app"
    for option in ("RELEASE=0123456789ab", f"{IMAGE.name}:0123456789ab", "id=INDEX_TOKEN,env=INDEX_TOKEN"):
        assert option in build
    assert f"org.opencontainers.image.revision={'c' * 40}" in build
    assert client.environments[0]["DOCKER_BUILDKIT"] == "1"
    assert pushed == ["docker", "push", f"{IMAGE.name}:0123456789ab"]
    assert " ".join(look).startswith("docker run --rm --network none --read-only --cap-drop ALL --entrypoint python ")
    kept = tmp_path / "0123456789ab"
    assert json.loads((kept / "image.json").read_text()) == {
        "image": f"{IMAGE.name}@{DIGEST}",
        "tag": "0123456789ab",
        "commit": "c" * 40,
    }
    assert "pkg:pypi/a@1" in (kept / "sbom.cdx.json").read_text()


def test_an_image_of_one_platform_is_built_for_it_and_has_its_commits_time(tmp_path: Path) -> None:
    client = Client()
    push(replace(IMAGE, platforms=("linux/arm64",), committed="1764480000"), tmp_path, client)
    build = " ".join(client.calls[0])
    assert build.startswith("docker build --platform linux/arm64 ")
    assert " --build-arg SOURCE_DATE_EPOCH=1764480000 " in build
    assert client.calls[1][1] == "push"


def test_an_image_of_several_platforms_is_pushed_as_it_is_built_and_named_by_the_digest_of_all(tmp_path: Path) -> None:
    client = Client()
    given = replace(IMAGE, platforms=("linux/amd64", "linux/arm64"), committed="1764480000")
    assert push(given, tmp_path, client) == f"{IMAGE.name}@{DIGEST}"
    build, look = client.calls
    assert " ".join(build).startswith("docker buildx build --platform linux/amd64,linux/arm64 ")
    assert "--push" in build
    assert f"{IMAGE.name}@{DIGEST}" in look
    assert json.loads((tmp_path / IMAGE.release / "image.json").read_text())["image"] == f"{IMAGE.name}@{DIGEST}"


def test_several_platforms_are_for_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}" if name == "podman" else None)
    with pytest.raises(UsageError, match="platforms: several are built by docker's buildx alone"):
        push(replace(IMAGE, platforms=("linux/amd64", "linux/arm64")), tmp_path, Client())


def test_the_classic_builder_is_asked_for_by_name(tmp_path: Path) -> None:
    client = Client()
    push(replace(IMAGE, classic=True), tmp_path, client)
    assert client.environments[0]["DOCKER_BUILDKIT"] == "0"


@pytest.mark.parametrize(
    ("fails", "line"),
    [
        (
            {"push": "no basic auth credentials\n"},
            "registry.example.com:5000 does not take registry.example.com:5000/team/notes:0123456789ab: "
            "no basic auth credentials; docker login registry.example.com:5000",
        ),
        (
            {"push": "Get https://…: dial tcp: connect: connection refused\n"},
            "registry.example.com:5000/team/notes:0123456789ab cannot be pushed to registry.example.com:5000: "
            "Get https://…: dial tcp: connect: connection refused",
        ),
        ({"build": "step 3\nfailed to solve: no such file\n\n"}, "docker build failed: failed to solve: no such file"),
    ],
)
def test_a_failure_is_one_line_and_nothing_is_kept(fails: dict[str, str], line: str, tmp_path: Path) -> None:
    with pytest.raises(HomeportError) as caught:
        push(IMAGE, tmp_path, Client(**fails))
    assert caught.value.line() == line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changed", "dirty", "line"),
    [
        ({"name": "notes"}, False, 'image_name: notes names no registry that it could be pushed to; set it to "reg'),
        ({"name": "team/notes"}, False, "image_name: team/notes names no registry"),
        ({"built": ("dist",)}, False, "release_include: dist is in no commit, and an image is tagged by its release"),
        ({}, True, "--push: the working tree has changes that no commit has, and an image is tagged by its release"),
        (
            {"secrets": ("INDEX_TOKEN",)},
            False,
            "--push: INDEX_TOKEN is not set, which the build needs; export INDEX_TOKEN=…",
        ),
    ],
)
def test_what_would_push_another_image_or_none_is_refused(changed: dict[str, Any], dirty: bool, line: str) -> None:
    with pytest.raises(UsageError) as caught:
        check(replace(IMAGE, **changed), dirty=dirty, environment={})
    assert caught.value.line().startswith(line)


@pytest.mark.parametrize("name", ["registry.example.com/a/b", "localhost/a", "registry:5000/a"])
def test_a_name_with_a_host_is_of_a_registry(name: str) -> None:
    check(replace(IMAGE, name=name, secrets=("A",)), dirty=False, environment={"A": "1"})


def test_neither_client_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match="neither docker nor podman is installed"):
        push(IMAGE, tmp_path, Client())


def test_the_sbom_is_of_its_schema_names_what_is_installed_and_is_the_same_again() -> None:
    reference = f"{IMAGE.name}@{DIGEST}"
    text = sbom(reference, IMAGE.release, FOUND)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert text == sbom(reference, IMAGE.release, FOUND)
    assert text != sbom(f"{IMAGE.name}@sha256:{'e' * 64}", IMAGE.release, FOUND)
    found = json.loads(text)
    assert {one["purl"] for one in found["components"]} == {
        "pkg:generic/python@3.13.5",
        "pkg:pypi/fastapi@0.118.0",
        "pkg:pypi/typing-extensions@4.15.0",
        "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13",
    }
    [fastapi] = [one for one in found["components"] if one["name"] == "FastAPI"]
    assert fastapi["licenses"] == [{"expression": "MIT"}]
    assert found["metadata"]["component"]["version"] == IMAGE.release
    assert found["metadata"]["timestamp"] == "2026-11-30T06:00:00+00:00"


def test_what_an_image_has_is_listed_by_a_script_that_runs_here_too() -> None:
    done = subprocess.run(["python3", "-I", "-c", LISTING], capture_output=True, text=True, check=True)
    found = inventory_of(done.stdout, "2026-11-30T06:00:00.123456789Z")
    assert found.created == datetime(2026, 11, 30, 6, 0, 0, 123456, tzinfo=UTC)
    assert found.version.startswith("3.")
    assert any(name == "libc6" for name, _, _ in found.debian) or found.system[0] not in ("debian", "ubuntu")
