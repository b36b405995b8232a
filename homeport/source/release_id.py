"""Names that are derived from content: equal content has an equal name, any change gives another one. Pure."""

from __future__ import annotations

import hashlib

ID_LENGTH = 12
"""Hexadecimal characters of an id: 48 bits, so among 100,000 releases of one application two meet with chance 2e-5."""


def content_id(*parts: str | bytes) -> str:
    """Return the 12 hexadecimal characters that stand for `parts`, in their order.

    Each part goes in with its length in front: ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.sha256()
    for part in parts:
        content = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return digest.hexdigest()[:ID_LENGTH]


def release_id(*, tree: str, dependencies_digest: str, configuration_digest: str) -> str:
    """Return the id of the release that has this git tree, these dependencies and this configuration.

    The commit is not part of it: a commit that changes nothing in the application's folder is the same release.
    """
    return content_id("release", tree, dependencies_digest, configuration_digest)
