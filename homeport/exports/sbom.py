"""The SBOM of an image (CycloneDX): what is installed in it, as the image itself lists it.

The same image gives the same text: the serial number follows from the digest, the time is the image's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

# Runs in the image, whose Python finds what the application imports; prints one line of JSON.
LISTING = """
import json, platform
from importlib.metadata import distributions
def fields(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
python = set()
for one in distributions():
    python.add((one.metadata["Name"], one.version, one.metadata.get("License-Expression") or ""))
debian = []
for text in fields("/var/lib/dpkg/status").split("\\n\\n"):
    one = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line and line[0] != " ")
    if one.get("Status", "").endswith(" installed"):
        debian.append((one["Package"], one["Version"], one.get("Architecture", "")))
release = dict(line.split("=", 1) for line in fields("/etc/os-release").splitlines() if "=" in line)
system = [release.get(name, "").strip('"') for name in ("ID", "VERSION_ID")]
found = {"python": sorted(python), "debian": sorted(debian), "system": system}
print(json.dumps({**found, "version": platform.python_version()}))
"""


@dataclass(frozen=True)
class Inventory:
    """What an image has: Python's version, distributions and Debian's packages, the system, and when it was made.

    A distribution is a name, a version and the expression of its license ("" where it says none); a package is a name,
    a version and an architecture.
    """

    version: str
    python: tuple[tuple[str, str, str], ...]
    debian: tuple[tuple[str, str, str], ...]
    system: tuple[str, str]
    created: datetime


def inventory_of(listed: str, created: object) -> Inventory:
    """Return what LISTING has printed, and the image's time as the engine has it (RFC 3339)."""
    found = json.loads(listed.splitlines()[-1])
    python, debian = (tuple((one[0], one[1], one[2]) for one in found[kind]) for kind in ("python", "debian"))
    # Python 3.11 reads nanoseconds, and drops them.
    return Inventory(
        found["version"], python, debian, (found["system"][0], found["system"][1]), datetime.fromisoformat(str(created))
    )


def sbom(reference: str, release: str, found: Inventory) -> str:
    """Return the document: `reference` is the image's name with its digest, `release` its tag."""
    name, _, digest = reference.partition("@")
    purl = PackageURL(
        "oci", name=name.rpartition("/")[2], version=digest, qualifiers={"repository_url": name, "tag": release}
    )
    image = Component(type=ComponentType.CONTAINER, name=name, version=release, bom_ref=purl.to_string(), purl=purl)
    parts = list(_components(found))
    bom = Bom(
        components=parts,
        metadata=BomMetaData(component=image, timestamp=found.created),
        serial_number=uuid5(NAMESPACE_URL, reference),
    )
    bom.register_dependency(image, parts)
    return f"{JsonV1Dot6(bom).output_as_string(indent=2)}\n"


def _components(found: Inventory) -> Iterator[Component]:
    cpython = PackageURL("generic", name="python", version=found.version)
    yield Component(
        type=ComponentType.PLATFORM, name="python", version=found.version, bom_ref=cpython.to_string(), purl=cpython
    )
    licenses = LicenseFactory()
    for name, version, expression in found.python:
        purl = PackageURL("pypi", name=name.lower().replace("_", "-"), version=version)
        said = [licenses.make_with_expression(expression)] if expression else []
        yield Component(name=name, version=version, bom_ref=purl.to_string(), purl=purl, licenses=said)
    system, number = found.system
    for name, version, architecture in found.debian:
        own = {"arch": architecture, "distro": f"{system}-{number}"}
        purl = PackageURL("deb", namespace=system or "debian", name=name, version=version, qualifiers=own)
        yield Component(name=name, version=version, bom_ref=purl.to_string(), purl=purl)
