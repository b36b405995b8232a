"""Machines that need not be provisioned from nothing: packages, tools and the examples' environments are there.

Once in a run of the tests, for each suite, homeport itself provisions a machine as far as that, and its disk is what
the others begin with. What a deploy does to a bare machine is shown by test_deploy.
"""

from __future__ import annotations

import fcntl
import subprocess
from pathlib import Path

from homeport.lab import Lab
from homeport.lab.model import LabHost, Suite
from tests.lab.project import Project, Seen

EXAMPLES = ("notes", "hello")
DEPLOY = """from homeport.deploy import deploy
from homeport.plans import provision

AS_FAR_AS = ("Packages", "Accounts", "Files", "Tools", "Release", "Dependencies")
deploy(provision.STEPS, [phase for phase in provision.PHASES if phase[0] in AS_FAR_AS])
"""
# The release had to be there for its environment; everything of it is forgotten.
FORGET = (
    "rm -rf /srv/*/releases /srv/*/slots /etc/homeport /etc/nginx/homeport /run/homeport "
    "/etc/systemd/system/*.d/homeport-condition.conf && sync"
)
# What a machine with a kernel of its own is not given: what is another machine's own, what only takes space, and
# settings that would look as if this kernel, and its services, had read them.
NOT_GIVEN = (
    *("etc/hostname", "etc/hosts", "etc/machine-id", "etc/resolv.conf", "etc/ssh", "etc/systemd/network"),
    *("home", "root", "run", "tmp", "var/cache", "var/lib/apt/lists", "var/lib/dpkg/status-*", "var/lib/systemd"),
    *("var/log/journal", "etc/modprobe.d", "etc/security", "etc/sysctl.d", "etc/systemd/*.d"),
)
# What homeport installs on such a machine besides, and not on one that has its clock from another kernel.
CLOCK = "apt-get -qq -y --no-install-recommends install systemd-timesyncd >/dev/null"
STATUS, OTHER_STATUS = "/var/lib/dpkg/status", "/var/lib/dpkg/status.seasoned"
# Its own packages are those of either; what those in the layer do as they are installed was done there.
SETTLE = f"""
python3 - <<'END'
def packages(path):
    with open(path) as file:
        return {{text.split("\\n")[0]: text for text in file.read().strip().split("\\n\\n")}}
both = packages("{OTHER_STATUS}") | packages("{STATUS}")
with open("{STATUS}", "w") as file:
    file.write("\\n\\n".join(both.values()) + "\\n\\n")
END
rm {OTHER_STATUS} && ldconfig && systemd-tmpfiles --create
"""


class Seasoned:
    """Makes such machines in one lab. `folder` is where the disks are kept, for all processes of the run."""

    def __init__(self, lab: Lab, folder: Path):
        self._lab, self._folder = lab, folder

    def add(self, name: str, suite: Suite = "bookworm") -> LabHost:
        """Make a machine; see Lab.add."""
        return self._lab.add(name, suite, layer=self._layer(suite))

    def boot(self, name: str, example: str) -> LabHost:
        """Make a machine with a kernel of its own that begins as others do that get this example."""
        layer = self._layer("bookworm", (example,), CLOCK)
        archive = layer.with_name(f"{layer.name}.tar")
        left_out = [f"--exclude=./{path}" for path in NOT_GIVEN]
        renamed = f"--transform=s,^[.]{STATUS}$,.{OTHER_STATUS},"
        form = ("--format=gnu", "--numeric-owner")
        subprocess.run(["tar", "-c", "-f", archive, "-C", layer, *form, *left_out, renamed, "."], check=True)
        host = self._lab.add(name, "bookworm", "qemu", layer=archive)
        archive.unlink()
        Seen(self._lab, host).shell(SETTLE)
        return host

    def _layer(self, suite: Suite, examples: tuple[str, ...] = EXAMPLES, last: str = "true") -> Path:
        layer = self._folder / "-".join(("seasoned", suite, *examples))
        with layer.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not layer.exists():
                self._make(suite, examples, last, layer)
        return layer

    def _make(self, suite: Suite, examples: tuple[str, ...], last: str, layer: Path) -> None:
        host = self._lab.add(f"seasoning-{suite}", suite)
        for example in examples:
            folder = layer.with_name(f"{layer.name}-{example}")
            project = Project.create(folder, self._lab, example, migrate_on=host.name)
            (folder / "deploy.py").write_text(DEPLOY)
            project.deployed(host)
            Seen(self._lab, host).shell(FORGET)
        Seen(self._lab, host).shell(last)
        self._lab.freeze(host.name, layer)
