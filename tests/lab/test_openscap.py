"""OpenSCAP's rules for Debian 12 (ANSSI's BP-028, its highest level) on a machine before and after a deploy.

Every rule that fails after it is in docs/hardening.md, with the reason why it is left; and a deploy has made none fail.
Debian 12's own package has no content for it: it is Debian 13's, unpacked. There is none for Debian 13 yet. By the
package linux-base the content takes a machine for one with a kernel of its own, and looks at that as well.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from homeport.lab import Lab
from tests.lab.artefacts import keep
from tests.lab.commands import settle_data
from tests.lab.conftest import MakeHost
from tests.lab.project import REPOSITORY, Project, Seen

pytestmark = pytest.mark.lab
PAGE = REPOSITORY / "docs/hardening.md"
XCCDF = "{http://checklists.nist.gov/xccdf/1.2}"
PREFIX = "xccdf_org.ssgproject.content_rule_"
INSTALL = """
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq -y --no-install-recommends install openscap-scanner linux-base >/dev/null 2>&1
mkdir -p /opt/scap/lists/partial && cd /opt/scap
sed s/bookworm/trixie/g /etc/apt/sources.list.d/debian.sources >trixie.sources
options="-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=/opt/scap/lists"
options="$options -o Dir::Etc::SourceList=/opt/scap/trixie.sources -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
apt-get -qq $options update && apt-get -qq $options download ssg-debian
dpkg-deb -x ssg-debian_*.deb . && dpkg-deb -f ssg-debian_*.deb Version
"""
# Its content does not know that a key with `-` before it is one that is set if the kernel lets us (sysctl.d(5)).
SCAN = """
sed -i 's/^-//' /etc/sysctl.d/60-homeport.conf 2>/dev/null || true
cd /opt/scap && rm -f results.xml
oscap xccdf eval --profile xccdf_org.ssgproject.content_profile_anssi_bp28_high --results results.xml \
    usr/share/xml/scap/ssg/content/ssg-debian12-ds.xml >scan.log 2>&1 || [ $? = 2 ]
cat results.xml
"""


def scanned(seen: Seen, name: str) -> dict[str, str]:
    """Return what each rule came to: pass, fail, notapplicable, notchecked …"""
    text = seen.shell(SCAN)
    found = {}
    for result in ET.fromstring(text).iter(f"{XCCDF}rule-result"):  # noqa: S314 - of our own machine
        outcome = result.findtext(f"{XCCDF}result", "")
        if outcome != "notselected":
            found[result.attrib["idref"].removeprefix(PREFIX)] = outcome
    keep(f"openscap-{name}.txt", "".join(f"{outcome} {rule}\n" for rule, outcome in sorted(found.items())))
    return found


def failing(found: dict[str, str]) -> set[str]:
    return {rule for rule, outcome in found.items() if outcome not in ("pass", "notapplicable")}


def test_what_fails_after_a_deploy_is_left_with_a_reason_and_a_deploy_makes_nothing_fail(
    lab: Lab, make_host: MakeHost, tmp_path: Path
) -> None:
    host = make_host()
    seen = Seen(lab, host)
    print(seen.shell(INSTALL))
    before = scanned(seen, "before")
    project = Project.create(tmp_path / "project", lab, "notes")
    settle_data(project, watch_seconds=0)
    project.deployed(host)
    after = scanned(seen, "after")
    print(len(failing(before)), len(failing(after)), len(after))
    section = PAGE.read_text().partition("\n## OpenSCAP\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`([\w*]+)`", "".join(rows)))
    assert {rule for rule in failing(after) if not any(fnmatch(rule, pattern) for pattern in named)} == set()
    assert {pattern for pattern in named if not any(fnmatch(rule, pattern) for rule in failing(after))} == set()
    assert {rule for rule in failing(after) - failing(before) if before.get(rule) == "pass"} == set()
