"""`homeport export quadlet` on a machine with Debian 13: podman's own generator and systemd read the units.

No container is run: a machine of the lab has no control groups of the second version, which Quadlet needs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from homeport.exports.engines import ENGINES
from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.exports.subjects import subject
from tests.lab.project import Seen
from tests.service.kept_units import PROCESSES, Case

pytestmark = pytest.mark.lab
# With a registry, without which the generator warns of each unit.
IMAGE = "registry.example.com/team/notes"
# The package alone: what it depends on is for running a container.
PODMAN = """
apt-get -qq update
cd "$(mktemp -d)"
apt-get -qq download podman >/dev/null
dpkg-deb -x podman_*.deb .
mkdir -p /usr/libexec/podman /usr/lib/systemd/system-generators /etc/containers/systemd /etc/notes
cp usr/bin/podman /usr/bin/
cp usr/libexec/podman/quadlet /usr/libexec/podman/
ln -s /usr/libexec/podman/quadlet /usr/lib/systemd/system-generators/podman-system-generator
echo TAG=:v1 >/etc/notes/release
"""


def test_podmans_generator_and_systemd_take_the_units(lab: Lab, make_host: Callable[..., LabHost]) -> None:
    seen = Seen(lab, make_host("trixie"))
    seen.shell(PODMAN)
    case = Case({**PROCESSES, "memory_max_megabytes": 512, "cpu_max": 1.5, "image_name": IMAGE})
    for name, file in ENGINES["quadlet"].files(subject(case)).items():
        if Path(name).suffix in (".container", ".network", ".volume", ".timer"):
            place = "/etc/systemd/system" if name.endswith(".timer") else "/etc/containers/systemd"
            seen.shell(f"cat >{place}/{name} <<'END'\n{file.text}END\n")
    dry = seen.shell("/usr/lib/systemd/system-generators/podman-system-generator --dryrun 2>&1")
    assert "unsupported key" not in dry
    seen.shell("systemctl daemon-reload")
    for unit in ("notes", "notes-migrate", "notes.worker", "notes.mail", "notes.digest", "notes-network"):
        assert seen.property(f"{unit}.service", "LoadState") == "loaded"
    assert seen.shell("systemctl is-enabled notes.service || :").strip() == "generated"
    assert "notes-migrate.service" in seen.property("notes.service", "After").split()
    assert "notes-migrate.service" in seen.property("notes.service", "Wants").split()
    assert "notes.service" in seen.property("multi-user.target", "Wants").split()
    assert seen.property("notes-migrate.service", "Type") == "oneshot"
    assert seen.property("notes.service", "Restart") == "always"
    verified = seen.shell("systemd-analyze --generators=true verify notes.service notes.digest.timer 2>&1 || :")
    assert "notes" not in verified, verified
