"""Whether the requirements of a Certbot plugin are a lock: every one pinned and with hashes. Pure."""

from __future__ import annotations

import re

PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^]]*\])?==[^ ;]+")


def check_plugin_lock(text: str, plugin: str) -> None:
    """Raise ValueError unless `text` is a requirements file with hashes that has `plugin`."""
    names = set()
    for line in re.sub(r"\\\n", " ", text).splitlines():
        requirement = line.strip()
        if not requirement or requirement.startswith("#"):
            continue
        found = PINNED.match(requirement)
        if not found or "--hash=sha256:" not in requirement:
            raise ValueError(f"{requirement.split(' ')[0]} is not pinned with == and a hash")
        names.add(re.sub(r"[-_.]+", "-", found[1]).lower())
    if plugin not in names:
        raise ValueError(f"{plugin} is not in it")
