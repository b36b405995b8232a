"""Where the hosts' Debian packages come from: the developer's machine's own apt sources, reduced to the distribution
itself.

Pure, but for `read`. Other vendors' repositories are left out, since a disposable host is to be as bare as a rented
one. For another suite than the machine's, the same mirrors are used with the suite's name put in the place of the
machine's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from homeport.errors import LabError

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
COMPONENTS = frozenset({"main", "contrib", "non-free", "non-free-firmware", "universe", "restricted", "multiverse"})
POCKETS = ("", "-updates", "-security")
ALIASES = ("stable", "oldstable")
ONE_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)$")


@dataclass(frozen=True)
class Source:
    """One apt source: a mirror, the suites and components taken from it, and the keyring that signs it (a path, or
    empty).
    """

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""

    def stanza(self) -> str:
        """Return it in the deb822 format."""
        lines = [
            "Types: deb",
            f"URIs: {self.uri}",
            f"Suites: {' '.join(self.suites)}",
            f"Components: {' '.join(self.components)}",
        ]
        if self.signed_by:
            lines.append(f"Signed-By: {self.signed_by}")
        return "\n".join(lines) + "\n"


def read(suite: str, root: Path = Path("/")) -> list[Source]:
    """Return the sources of a suite as the machine (its files below `root`) would get it; raise LabError when it has
    none.
    """
    if mirror := os.environ.get("HOMEPORT_LAB_MIRROR"):
        return [Source(mirror, (suite, f"{suite}-updates"), ("main",), KEYRING)]
    codename = _codename(root / "etc/os-release")
    files = [root / "etc/apt/sources.list", *sorted((root / "etc/apt/sources.list.d").glob("*"))]
    sources = [
        source for file in files if file.is_file() for source in parse(file.name, file.read_text(errors="replace"))
    ]
    found = for_suite(sources, codename, suite)
    if not found:
        raise LabError(
            f"this machine's apt sources name no Debian mirror, so '{suite}' cannot be installed from them",
            fix="give the URL of a Debian mirror in HOMEPORT_LAB_MIRROR",
        )
    return found


def parse(filename: str, text: str) -> list[Source]:
    """Return the binary sources in a file of apt's, one-line (`.list`) or deb822 (`.sources`), none in other files."""
    if filename.endswith(".sources"):
        return list(_parse_stanzas(text))
    return list(_parse_lines(text)) if filename.endswith(".list") else []


def for_suite(sources: Iterable[Source], codename: str, suite: str) -> list[Source]:
    """Return the distribution's own sources, with `suite` in the place of the machine's release."""
    names = {f"{base}{pocket}": f"{suite}{pocket}" for base in (codename, *ALIASES) if codename for pocket in POCKETS}
    wanted: list[Source] = []
    for source in sources:
        suites = tuple(dict.fromkeys(names[one] for one in source.suites if one in names))
        components = tuple(one for one in source.components if one in COMPONENTS)
        changed = replace(source, suites=suites, components=components)
        if suites and components and source.uri.startswith(("http://", "https://")) and changed not in wanted:
            wanted.append(changed)
    return wanted


def _parse_stanzas(text: str) -> Iterator[Source]:
    for block in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields = {
            key.strip().lower(): " ".join(value.split())
            for key, value in re.findall(r"(?m)^([A-Za-z-]+):((?:.*)(?:\n[ \t]+.*)*)", block)
        }
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        signed_by = fields.get("signed-by", "")
        for uri in fields.get("uris", "").split():
            yield Source(
                uri,
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                signed_by if signed_by.startswith("/") else "",
            )


def _parse_lines(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        if match := ONE_LINE.match(line.split("#")[0].strip()):
            options = dict(one.split("=", 1) for one in (match["options"] or "").split() if "=" in one)
            keyring = options.get("signed-by", "")
            yield Source(match["uri"], (match["suite"],), tuple(match["components"].split()), keyring)


def _codename(os_release: Path) -> str:
    """Return the name of the machine's Debian release; of another system's release we know no mirror for Debian."""
    text = os_release.read_text() if os_release.exists() else ""
    fields = dict(re.findall(r'(?m)^(\w+)="?([^"\n]*)"?$', text))
    return fields.get("VERSION_CODENAME", "") if fields.get("ID") == "debian" else ""
