"""Machines that need not be provisioned from nothing: packages, tools and the examples' environments are there.

Once in a run of the tests, for each suite, homeport itself provisions a machine as far as that, and its disk is what
the others begin with. What a deploy does to a bare machine is shown by test_deploy.
"""

from __future__ import annotations

import fcntl
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
FORGET = "rm -rf /srv/*/releases /srv/*/slots /etc/homeport /etc/nginx/homeport /run/homeport && sync"


class Seasoned:
    """Makes such machines in one lab. `folder` is where the disks are kept, for all processes of the run."""

    def __init__(self, lab: Lab, folder: Path):
        self._lab, self._folder = lab, folder

    def add(self, name: str, suite: Suite = "bookworm") -> LabHost:
        """Make a machine; see Lab.add."""
        return self._lab.add(name, suite, layer=self._layer(suite))

    def _layer(self, suite: Suite) -> Path:
        layer = self._folder / f"seasoned-{suite}"
        with layer.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not layer.exists():
                self._make(suite, layer)
        return layer

    def _make(self, suite: Suite, layer: Path) -> None:
        host = self._lab.add(f"seasoning-{suite}", suite)
        for example in EXAMPLES:
            folder = layer.with_name(f"{layer.name}-{example}")
            project = Project.create(folder, self._lab, example, migrate_on=host.name)
            (folder / "deploy.py").write_text(DEPLOY)
            project.deployed(host)
            Seen(self._lab, host).shell(FORGET)
        self._lab.freeze(host.name, layer)
