"""homeport leaves a Debian 13 machine that had its one application, and comes back by a deploy."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeport.lab import Lab
from tests.lab.commands import homeport, settle_data
from tests.lab.project import Project, Seen, changes_nothing
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
HOST = "left-trixie"
LIMIT = ("lab", "--limit", HOST)
OTHERS = "/(root|srv|proc|var/log)/|homeport-lab"


def test_homeport_leaves_a_machine_and_a_deploy_brings_it_back(lab: Lab, tmp_path: Path, seasoned: Seasoned) -> None:
    host = seasoned.add(HOST, "trixie")
    try:
        project = Project.create(tmp_path / "project", lab, "hello", watch_seconds=0)
        settle_data(project)
        seen = Seen(lab, host)
        project.deployed(host)
        seen.shell("echo kept >/var/lib/hello/kept.txt; chown hello: /var/lib/hello/kept.txt")
        serial, keys = seen.serial(), seen.shell("cat /etc/ssh/ssh_host_*.pub")

        done = homeport(project, "remove", *LIMIT, "--yes", "--machine")
        assert done.returncode == 0, done.stdout
        assert seen.shell(f"find / -xdev -name '*homeport*' | grep -vE '{OTHERS}' || :") == ""
        assert seen.shell("systemctl --failed --no-legend") == ""
        assert "inet homeport" not in seen.shell("nft list ruleset")
        assert seen.shell("cat /etc/ssh/ssh_host_*.pub") == keys
        assert seen.shell("cat /var/lib/hello/kept.txt") == "kept"
        assert not seen.answers()

        project.deployed(host)
        assert seen.answers()
        assert seen.serial() != serial
        assert seen.shell("cat /var/lib/hello/kept.txt; stat -c %U /var/lib/hello/kept.txt").split() == [
            "kept",
            "hello",
        ]
        assert "inet homeport" in seen.shell("nft list ruleset")
        assert changes_nothing(project.deployed(host))
    finally:
        lab.remove(HOST)
