"""Two applications on a machine that set, or leave out, what it has once: nobody undoes what the other has set.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.commands import homeport, refusal, settle_data
from tests.lab.project import Project, Seen
from tests.lab.seasoned import Seasoned

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
HOST = "shared"
LIMIT = ("--limit", HOST)
STATE = "find /etc /srv /usr/local /var/lib/hello /var/lib/other -printf '%p %i %m %T@ %l\\n' | sort"
RUNS = "systemctl list-units --plain --no-legend 'homeport-upkeep@*' 'nginx*' 'hello*' 'other*'; nft list ruleset"
# The lab gives each machine one name.
INVENTORY = """from homeport.lab.inventory import inventory

lab = [(host, {**data, "domain": f"other.{data['domain']}"}) for host, data in inventory()]
"""
WANTS_ITS_OWN = (
    'shared: reboot_time: other sets "04:00", but hello on the same machine sets "03:30"; make them the same, leave '
    'reboot_time out of the settings of other to have "03:30", or take the machine over with --take-machine (pyinfra: '
    "--data take_machine=True)"
)


@dataclass
class Stage:
    """A machine with two applications: `hello`, which sets a reboot time, and `other`, which says nothing."""

    hello: Project
    other: Project
    host: LabHost
    seen: Seen

    def told(self, app: str) -> dict[str, Any]:
        """Return what an application has set for the machine, by its record there."""
        return dict(json.loads(self.seen.shell(f"cat /etc/homeport/{app}/machine.json"))["values"])

    @property
    def reboot_time(self) -> str:
        """When the machine reboots, by what apt has read."""
        said = self.seen.shell("apt-config dump Unattended-Upgrade::Automatic-Reboot-Time")
        return said.split('"')[1] if said else ""

    @property
    def opened(self) -> set[int]:
        """Which of the ports from 9000 on the kernel lets in."""
        return set(map(int, re.findall(r"dport (9[0-9]{3}) accept", self.seen.shell("nft list table inet homeport"))))

    @property
    def state(self) -> str:
        """What is there, and what runs."""
        return self.seen.shell(f"{STATE}; {RUNS}")

    def serve(self) -> bool:
        """Tell whether both applications answer."""
        return self.seen.answers() and self.seen.answers(name=f"other.{self.host.domain}")


def deploy(project: Project, *words: str) -> str:
    """Deploy as a user does and have it succeed; return what was printed."""
    done = homeport(project, "deploy", "lab", *LIMIT, "--yes", *words)
    assert done.returncode == 0, done.stdout
    return done.stdout


def plan(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    """Return the plan of a deploy."""
    return homeport(project, "plan", "lab", *LIMIT, *words)


def settle(project: Project, *lines: str) -> None:
    """Have the project say this of the machine from now on."""
    place = project.folder / "group_data" / "lab.py"
    kept = [line for line in place.read_text().splitlines() if not line.startswith(("reboot_time", "firewall"))]
    place.write_text("\n".join([*kept, *lines]) + "\n")


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host, folder = seasoned.add(HOST), tmp_path_factory.mktemp("scope")
    hello = Project.create(folder / "hello", lab, "hello", watch_seconds=0, reboot_time="03:30")
    settle_data(hello)
    data = {"app_name": "other", "port_blue": 8011, "port_green": 8012}
    other = Project.create(folder / "other", lab, "hello", watch_seconds=0, **data)
    settle_data(other)
    (other.folder / "inventories" / "lab.py").write_text(INVENTORY)
    deploy(hello)
    deploy(other)
    yield Stage(hello, other, host, Seen(lab, host))
    lab.remove(host.name)


def test_an_application_that_says_nothing_leaves_the_machine_as_the_other_has_set_it(stage: Stage) -> None:
    assert stage.reboot_time == "03:30"
    assert (stage.told("hello"), stage.told("other")) == ({"reboot_time": "03:30"}, {})
    assert stage.serve()
    for project, more in ((stage.hello, []), (stage.other, ['  the machine has reboot_time = "03:30" (set by hello)'])):
        planned = plan(project)
        assert planned.returncode == 0, planned.stdout
        assert planned.stdout.splitlines()[1:] == ["  no changes", *more, "no changes"]


def test_a_machine_of_the_last_version_is_recorded_by_the_next_deploy(stage: Stage) -> None:
    """The last version has written all but the record; of the two, the one that is deployed first has its say."""
    stage.seen.shell("rm /etc/homeport/*/machine.json")
    before = stage.state
    planned = plan(stage.hello)
    assert planned.returncode == 3, planned.stdout
    assert planned.stdout.splitlines()[1:] == [
        "  Files",
        "    write /etc/homeport/hello/machine.json (missing)",
        "1 change on 1 of 1 hosts",
    ]
    deploy(stage.hello)
    after = {line.split()[0] for line in set(stage.state.splitlines()) ^ set(before.splitlines())}
    assert after == {"/etc/homeport", "/etc/homeport/hello", "/etc/homeport/hello/machine.json"}
    settle(stage.other, 'reboot_time = "04:00"')
    assert WANTS_ITS_OWN in refusal(plan(stage.other), 1)
    settle(stage.other)
    deploy(stage.other)
    assert stage.told("other") == {}


def test_a_different_value_is_refused_before_anything_changes(stage: Stage) -> None:
    before = stage.state
    # Much else would be done as well: a package, a port, a release.
    more = {"packages": "tree", "firewall_open": "9100/tcp", "environment": '{"NEWS": "1"}'}
    for options in (("--dry",), ("-y",)):
        line = refusal(stage.other.pyinfra(HOST, *options, reboot_time="04:00", **more), 1)
        assert WANTS_ITS_OWN in line
    assert stage.state == before
    assert stage.serve()


def test_an_application_that_takes_the_machine_has_its_value_and_the_other_is_refused_then(stage: Stage) -> None:
    settle(stage.other, 'reboot_time = "04:00"')
    stage.other.deployed(stage.host, take_machine=True)
    assert stage.reboot_time == "04:00"
    # Once is enough.
    assert plan(stage.other).returncode == 0
    line = refusal(plan(stage.hello), 1)
    assert 'shared: reboot_time: hello sets "03:30", but other on the same machine sets "04:00"; make them the' in line
    planned = plan(stage.hello, "--take-machine")
    assert planned.returncode == 3, planned.stdout
    assert '-Unattended-Upgrade::Automatic-Reboot-Time "04:00";' in planned.stdout
    settle(stage.hello, 'reboot_time = "03:30"', 'firewall_open = ["9200/tcp"]')
    deploy(stage.hello, "--take-machine")
    assert stage.reboot_time == "03:30"
    assert stage.opened == {9200}


def test_two_applications_that_agree_are_both_recorded_and_a_removal_keeps_the_other(stage: Stage) -> None:
    settle(stage.other, 'reboot_time = "03:30"', 'firewall_open = ["9100/tcp"]')
    deploy(stage.other)
    # A list is each one's own, and united.
    assert stage.opened == {9100, 9200}
    assert (stage.told("hello"), stage.told("other")) == ({"reboot_time": "03:30"}, {"reboot_time": "03:30"})
    settle(stage.hello, 'reboot_time = "05:00"')
    assert "but other on the same machine sets" in refusal(plan(stage.hello), 1)
    removed = homeport(stage.other, "remove", "lab", *LIMIT, "--yes", "--data")
    assert removed.returncode == 0, removed.stdout
    assert stage.seen.shell("ls /etc/homeport/*/machine.json") == "/etc/homeport/hello/machine.json"
    assert (stage.reboot_time, stage.opened) == ("03:30", {9200})
    deploy(stage.hello)
    assert (stage.reboot_time, stage.opened) == ("05:00", set())
    assert stage.told("hello") == {"reboot_time": "05:00"}
    assert stage.seen.answers()
