"""Several machines of one application: exactly one migrates, and nobody else starts before it is healthy.

The tests share three machines and go on from one another, in the order in which they stand. The machines of a lab
share a kernel, so that their monotonic clocks are one.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from tests.lab.project import Project, Seen, changes_nothing
from tests.lab.seasoned import Seasoned
from tests.package_index import served

pytestmark = pytest.mark.lab
COUNTED = 'echo "$HOMEPORT_RELEASE" >>"$STATE_DIRECTORY/migrations"'
ONLY_WHERE_IT_GOES = f'test -e "$STATE_DIRECTORY/ready" && {COUNTED}'


@dataclass
class Fleet:
    """Three machines, and a project that deploys to all of them."""

    project: Project
    machines: list[Seen]

    def deploy(self, *names: str, **data: object) -> subprocess.CompletedProcess[str]:
        chosen = names or tuple(seen.host.name for seen in self.machines)
        return self.project.pyinfra(",".join((*chosen, "")), "-y", **data)

    def deployed(self, **data: object) -> None:
        result = self.deploy(**data)
        assert result.returncode == 0, result.stdout

    def migrations(self) -> list[list[str]]:
        """Return for each machine the releases whose migration ran there."""
        command = "cat /var/lib/hello/migrations 2>/dev/null || true"
        return [seen.shell(command).splitlines() for seen in self.machines]

    def live(self) -> list[str]:
        """Return the release that answers on each machine; their ids differ, as their names do."""
        return [str(seen.get("/health")["release"]) for seen in self.machines]

    def packages(self, *numbers: int) -> list[str]:
        """Return what the live release has of the package `vaulted` on these machines."""
        found = "cd /srv/hello/slots/{}/.venv/lib/python3*/site-packages && ls -d vaulted-*.dist-info"
        slots = self.slots()
        return [self.machines[number].shell(found.format(slots[number])).strip() for number in numbers]

    def slots(self) -> list[str]:
        return [str(seen.get("/health")["slot"]) for seen in self.machines]

    def moment(self, number: int, name: str) -> int:
        """Return a time of the unit that serves on a machine, in microseconds."""
        return int(self.machines[number].property(f"hello@{self.slots()[number]}.service", name))


@pytest.fixture(scope="module")
def fleet(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Fleet]:
    hosts = [seasoned.add(f"fleet{number}") for number in range(3)]
    folder = tmp_path_factory.mktemp("fleet") / "project"
    # One worker each, and time: three machines start side by side on what may be a busy computer.
    values = {"workers": 1, "health_timeout_seconds": 180, "migrate_on": "fleet0"}
    project = Project.create(folder, lab, "hello", migrate_command=COUNTED, **values)
    yield Fleet(project, [Seen(lab, host) for host in hosts])
    for host in hosts:
        lab.remove(host.name)


def test_the_first_machine_migrates_and_no_other_starts_before_it_is_healthy(fleet: Fleet) -> None:
    fleet.deployed()
    assert fleet.migrations() == [[fleet.live()[0]], [], []]
    healthy = fleet.moment(0, "ActiveEnterTimestampMonotonic")
    assert all(fleet.moment(number, "ExecMainStartTimestampMonotonic") > healthy for number in (1, 2))


def test_the_chosen_machine_migrates_and_no_other_starts_before_it_is_healthy(fleet: Fleet) -> None:
    first = fleet.live()
    fleet.project.write("NEWS.txt", "second")
    fleet.deployed(migrate_on="fleet2")
    second = fleet.live()
    assert not set(first) & set(second)
    assert fleet.migrations() == [[first[0]], [], [second[2]]]
    healthy = fleet.moment(2, "ActiveEnterTimestampMonotonic")
    assert all(fleet.moment(number, "ExecMainStartTimestampMonotonic") > healthy for number in (0, 1))


def test_a_selection_without_the_migrating_machine_is_refused(fleet: Fleet) -> None:
    before = fleet.live()
    fleet.project.write("NEWS.txt", "third")
    result = fleet.deploy("fleet1", "fleet2")
    assert result.returncode == 2, result.stdout
    assert "which runs on fleet0, and that host is not selected; add fleet0 to --limit" in result.stdout
    assert "Connected" not in result.stdout
    assert fleet.live() == before


def test_when_the_migration_fails_nobody_else_starts(fleet: Fleet) -> None:
    before, slots = fleet.live(), fleet.slots()
    idle = ["blue" if slot == "green" else "green" for slot in slots]
    begun = "ExecMainStartTimestampMonotonic"
    started = [seen.property(f"hello@{slot}", begun) for seen, slot in zip(fleet.machines, idle, strict=True)]
    result = fleet.deploy(migrate_on="fleet1", migrate_command=ONLY_WHERE_IT_GOES)
    assert result.returncode == 1, result.stdout
    assert "the migration failed" in result.stdout
    assert (fleet.live(), fleet.slots()) == (before, slots)
    assert [seen.property(f"hello@{slot}", begun) for seen, slot in zip(fleet.machines, idle, strict=True)] == started


def test_another_machine_takes_the_migration_of_the_same_release_over(fleet: Fleet) -> None:
    counted = fleet.migrations()
    fleet.machines[2].shell("install -o hello -g hello /dev/null /var/lib/hello/ready")
    fleet.deployed(migrate_on="fleet2", migrate_command=ONLY_WHERE_IT_GOES)
    live = fleet.live()
    assert fleet.migrations() == [counted[0], counted[1], [*counted[2], live[2]]]
    again = fleet.deploy(migrate_on="fleet0", migrate_command=ONLY_WHERE_IT_GOES)
    assert again.returncode == 0, again.stdout
    assert fleet.live() == live
    assert fleet.migrations() == [counted[0], counted[1], [*counted[2], live[2]]]


def test_versions_that_are_left_open_are_the_same_on_machines_of_one_run_and_of_the_next(fleet: Fleet) -> None:
    locked = (fleet.project.app / "requirements.txt").read_text()
    pinned = [found[0] for line in locked.splitlines() if (found := re.match(r"[^\s#-][^\s;]*==[^\s;]+", line))]
    own: dict[str, object] = {"migrate_command": "None"}
    with served(fleet.machines[0].lab.context().network.gateway) as index:
        index.upload("vaulted", "1")
        lines = [f"--extra-index-url {index.url}", "vaulted>=1", *pinned]
        fleet.project.write("requirements.txt", "\n".join(lines) + "\n")
        alone = fleet.deploy("fleet0", **own)
        assert alone.returncode == 0, alone.stdout
        (kept,) = (fleet.project.folder / "resolved").glob("hello-*.txt")
        assert (
            "warning: requirements.txt: versions are not pinned (vaulted); every machine gets those in "
            f"resolved/{kept.name} "
        ) in alone.stdout
        index.upload("vaulted", "2")

        late = fleet.deploy("fleet1", "fleet2", **own)

        assert late.returncode == 0, late.stdout
        assert fleet.packages(0, 1, 2) == ["vaulted-1.dist-info"] * 3
        assert changes_nothing(fleet.deploy("fleet0", **own).stdout)

        newer = fleet.deploy("fleet0", "fleet1", upgrade_dependencies=True, **own)

        assert newer.returncode == 0, newer.stdout
        assert fleet.packages(0, 1) == ["vaulted-2.dist-info"] * 2
        back = fleet.deploy("fleet0", release="previous")
        assert back.returncode == 0, back.stdout
        assert fleet.packages(0) == ["vaulted-1.dist-info"]
