"""`homeport export container --pin`: the digest that a base image has now, as a registry tells the engine's client."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable

from homeport.errors import HomeportError
from homeport.exports import client

_TAG = re.compile(r":[^:/]+$")
Run = Callable[..., subprocess.CompletedProcess[str]]


def pinned(image: str, run: Run = subprocess.run) -> str:
    """Return the image's name with the digest that its tag has now; one that it has already is looked for anew.

    Raises UsageError without docker and podman, and HomeportError, in one line, for a registry that does not tell.
    """
    program = client.program("--pin")
    tagged = image.partition("@")[0]
    _call(run, tagged, [program, "pull", "--quiet", tagged])
    [found] = json.loads(_call(run, tagged, [program, "image", "inspect", tagged]))
    # podman has the registry in it, where the name has none.
    repository = _TAG.sub("", tagged)
    digests = [one.partition("@") for one in found["RepoDigests"] or ()]
    of_it = [digest for name, _, digest in digests if name == repository or name.endswith(f"/{repository}")]
    if not of_it:
        raise HomeportError(f"{program} knows no digest of {tagged}: it is of no registry")
    return f"{tagged}@{of_it[0]}"


def _call(run: Run, image: str, words: list[str]) -> str:
    done = run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HomeportError(f"{words[0]} {words[1]} {image} failed: {client.last_line(done.stderr)}")
    return done.stdout
