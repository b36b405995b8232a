"""`homeport export container --push`: builds the image, pushes it by its release's id, and keeps what it is.

The engine's own client does the work (docker, or podman), with the login that it has. What was pushed is written to a
folder of its own: the digest, by which manifests name the image, and its SBOM.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from homeport.errors import HomeportError, UsageError
from homeport.exports import client
from homeport.exports.engines.container import build_options
from homeport.exports.sbom import LISTING, Inventory, inventory_of, sbom

# The first part of a name is a registry when it looks like a host (Docker's reference package, `ParseNormalizedNamed`).
_REGISTRY = re.compile(r"localhost|[^/]*[.:][^/]*")
_REFUSED = re.compile(r"no basic auth credentials|unauthorized|authentication required|denied", re.IGNORECASE)
Run = Callable[..., subprocess.CompletedProcess[str]]


@dataclass(frozen=True)
class Image:
    """An image to be pushed: its `name` without a tag, the release that it is, and what it is built from.

    `built` has files that no commit has, `platforms` is what it is for (the builder's own without any), and `committed`
    when its commit was made, in seconds since the epoch.
    """

    name: str
    release: str
    commit: str
    folder: str
    classic: bool = False
    secrets: tuple[str, ...] = ()
    built: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    committed: str = ""

    @property
    def tagged(self) -> str:
        """Return the name with its tag."""
        return f"{self.name}:{self.release}"

    @property
    def registry(self) -> str:
        """Return the host of the registry; "" where the name has none."""
        host, slash, _ = self.name.partition("/")
        return host if slash and _REGISTRY.fullmatch(host) else ""


def image_of(told: Mapping[str, Any], *, classic: bool) -> Image:
    """Return the image that `homeport.entries.export` tells of."""
    given: dict[str, Any] = {name: value for name, value in told.items() if name not in ("dirty", "base")}
    given |= {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    return Image(**given, classic=classic)


def check(image: Image, *, dirty: bool, environment: Mapping[str, str]) -> None:
    """Raise UsageError for what would push another image than the one that is meant, or none."""
    if not image.registry:
        problem = f"{image.name} names no registry that it could be pushed to"
        raise UsageError(problem, key="image_name", fix='set it to "registry.example.com/team/notes"')
    if image.built:
        problem = f"{image.built[0]} is in no commit, and an image is tagged by its release"
        raise UsageError(problem, key="release_include", fix="set build_image, or build and push by docker itself")
    if dirty:
        problem = "the working tree has changes that no commit has, and an image is tagged by its release"
        raise UsageError(problem, key="--push", fix="commit them, or take them back")
    for name in image.secrets:
        if not environment.get(name):
            raise UsageError(f"{name} is not set, which the build needs", key="--push", fix=f"export {name}=…")


def push(image: Image, kept: Path, run: Run = subprocess.run) -> str:
    """Build and push the image, write what it is below `kept`; return its name with the digest.

    Raises HomeportError, in one line, for a client, an engine or a registry that does not do it.
    """
    program = client.program("--push")
    if len(image.platforms) > 1:
        return _push_several(image, program, kept, run)
    _build(image, program, run)
    _call(run, image, [program, "push", image.tagged])
    found = _inspected(image, program, run)
    reference = next((one for one in found["RepoDigests"] or () if one.startswith(f"{image.name}@")), "")
    if not reference:
        raise HomeportError(f"{program} knows no digest of {image.tagged}, which it has pushed")
    listed = _call(run, image, [program, *_RUN, image.tagged, "-I", "-c", LISTING], quiet=True)
    _keep(image, reference, inventory_of(listed, found["Created"]), kept)
    return str(reference)


# A look into the image, with nothing around it.
_RUN = ("run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--entrypoint", "python")


def _push_several(image: Image, program: str, kept: Path, run: Run) -> str:
    """Build an image of several platforms, which goes to the registry at once: Docker's own store takes none."""
    if program != "docker":
        raise UsageError(
            "several are built by docker's buildx alone", key="platforms", fix="name one, or install docker"
        )
    with tempfile.TemporaryDirectory(prefix="homeport-image-") as folder:
        about = Path(folder) / "metadata.json"
        words = [program, "buildx", "build", *_options(image), "--push", "--metadata-file", str(about), image.folder]
        _call(run, image, words)
        digest = str(json.loads(about.read_text())["containerimage.digest"])
    reference = f"{image.name}@{digest}"
    # Of the platforms the one of this machine is looked at.
    listed = _call(run, image, [program, *_RUN, reference, "-I", "-c", LISTING], quiet=True)
    moment = datetime.fromtimestamp(int(image.committed), UTC).isoformat()
    _keep(image, reference, inventory_of(listed, moment), kept)
    return reference


def _build(image: Image, program: str, run: Run) -> None:
    # A client before 23 takes the old builder unless it is told.
    builder = {"DOCKER_BUILDKIT": "0" if image.classic else "1"}
    _call(run, image, [program, "build", *_options(image), image.folder], builder)


def _options(image: Image) -> list[str]:
    committed = "" if image.classic else image.committed
    words = build_options(image.platforms, image.release, committed, image.secrets)
    return [*words, "--tag", image.tagged, "--label", f"org.opencontainers.image.revision={image.commit}"]


def _inspected(image: Image, program: str, run: Run) -> dict[str, list[str]]:
    [found] = json.loads(_call(run, image, [program, "image", "inspect", image.tagged], quiet=True))
    return dict(found)


def _call(
    run: Run, image: Image, words: list[str], more: Mapping[str, str] | None = None, *, quiet: bool = False
) -> str:
    """Run the client; return what it said. What it says on the way goes to stderr, unless `quiet`."""
    done = run(
        words,
        env={**os.environ, **(more or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if quiet else sys.stderr,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise HomeportError(_why(image, words, done.stderr))
    if not quiet:
        sys.stderr.write(done.stderr)
    return done.stdout or ""


def _why(image: Image, words: list[str], said: str) -> str:
    last, program, verb = client.last_line(said), words[0], words[1]
    if verb == "push" and _REFUSED.search(said):
        return f"{image.registry} does not take {image.tagged}: {last}; {program} login {image.registry}"
    if verb == "push":
        return f"{image.tagged} cannot be pushed to {image.registry}: {last}"
    return f"{program} {verb} failed: {last}"


def _keep(image: Image, reference: str, found: Inventory, kept: Path) -> None:
    own = {"image": reference, "tag": image.release, "commit": image.commit}
    texts = {"image.json": f"{json.dumps(own, indent=2)}\n", "sbom.cdx.json": sbom(reference, image.release, found)}
    folder = kept / image.release
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Else the next image would be one of a working tree with changes, where the project is in the application's.
        (kept / ".gitignore").write_text("*\n")
        for name, text in texts.items():
            (folder / name).write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{error.strerror or error}: {error.filename}", key="--push") from None
