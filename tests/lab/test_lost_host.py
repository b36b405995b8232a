"""A machine that is gone in the middle of a deploy: cut off as by a power cut, so that nothing ends the connection."""

from __future__ import annotations

import subprocess

import pytest

from homeport.lab import Lab
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
STARTS = "systemctl list-units --plain --no-legend 'homeport-hello-start-*.service' | wc -l"


def test_a_run_ends_when_its_host_is_gone_and_the_next_one_takes_it_up(
    lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned
) -> None:
    host = seasoned.add("gone")
    seen = Seen(lab, host)
    project = Project.create(tmp_path_factory.mktemp("gone") / "project", lab, "hello", workers=1, watch_seconds=0)
    project.deployed(host)
    old = seen.get("/health")["release"]
    project.write("NEWS.txt", "next")
    cable = f"hp{lab.id}v{host.address.rpartition('.')[2]}"
    migration = "echo begun >>/var/lib/hello/begun; until [ -e /var/lib/hello/on ]; do sleep 1; done"
    data = {"migrate_command": migration, "migrate_timeout_seconds": 600}
    with project.started(host.name, "-y", **data) as process:
        assert until(lambda: seen.inside.file("/var/lib/hello/begun").exists, 60)
        subprocess.run(["ip", "link", "set", cable, "down"], check=True)
        said = process.communicate(timeout=300)[0]
    assert process.returncode == 1
    assert "[gone] error: the connection to the host broke" in said
    assert "Traceback" not in said
    subprocess.run(["ip", "link", "set", cable, "up"], check=True)
    assert until(seen.answers)
    assert seen.get("/health")["release"] == old
    with project.started(host.name, "-y", lock_wait_seconds=300, **data) as process:
        assert until(lambda: seen.shell(STARTS) == "2", 120)
        seen.shell("touch /var/lib/hello/on")
        said = process.communicate(timeout=300)[0]
    assert process.returncode == 0, said
    assert seen.get("/health")["release"] != old
    # What had begun was waited for, and not begun once more.
    assert seen.shell("cat /var/lib/hello/begun") == "begun"
    lab.remove(host.name)
