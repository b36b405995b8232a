"""A disk that is full, at every moment of a deploy: one clear line, the old release serving, nothing left behind.

The tests share a machine whose folders are small file systems of their own, and go on from one another.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from tests.lab.project import Project, Seen

pytestmark = pytest.mark.lab
CACHE = "/var/cache/homeport"
# A deploy that has to do with less than this does not begin; the tests want it to.
FREE = 1


@dataclass
class Stage:
    """A machine, and a project that deploys to it."""

    project: Project
    seen: Seen

    def full(self, place: str) -> str:
        """Deploy, have it fail for the full disk in one line, and return that."""
        result = self.project.deploy(self.seen.host, minimum_free_megabytes=FREE)
        assert result.returncode == 1, result.stdout
        assert "Traceback" not in result.stdout
        lines = re.findall(r"\] (error: .*)", result.stdout)
        assert len(lines) == 1, result.stdout
        assert f"the disk is full: no space is left on the file system {place} (" in lines[0]
        return str(lines[0])

    def deployed(self) -> None:
        self.project.deployed(self.seen.host, minimum_free_megabytes=FREE)

    def fill(self, place: str, leave_megabytes: int) -> None:
        """Take all but so much of the file system."""
        free = f"$(($(df -Pk {place} | awk 'NR == 2 {{ print $4 }}') - {leave_megabytes} * 1024))"
        self.seen.shell(f"fallocate -l {free}K {place}/filler")

    def listing(self) -> list[str]:
        """Return all that there is of releases and environments, and what the file system counts as used."""
        found = self.seen.shell("find /srv/hello /etc/homeport -not -name '*.jsonl' -printf '%p %s %m %u\\n' | sort")
        return [*found.splitlines(), self.seen.shell("df -Pk /srv | awk 'NR == 2 { print $3 }'")]

    def received_megabytes(self) -> float:
        """Return what has come to the machine from outside since its boot."""
        script = "cat /sys/class/net/*/statistics/rx_bytes /sys/class/net/lo/statistics/rx_bytes"
        *every, loopback = map(int, self.seen.shell(script).split())
        return (sum(every) - loopback) / 2**20

    def live(self) -> str:
        return str(self.seen.get("/health")["release"])


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    host = lab.add("disk")
    yield Stage(Project.create(tmp_path_factory.mktemp("disk") / "project", lab, "hello", workers=1), Seen(lab, host))
    lab.remove(host.name)


def mount(seen: Seen, place: str, size: str) -> None:
    seen.shell(f"mkdir -p {place} && mount -t tmpfs -o size={size},mode=755 tmpfs {place}")


def test_files_that_find_no_place_replace_nothing(stage: Stage) -> None:
    mount(stage.seen, "/etc/homeport", "40k")
    assert stage.full("/etc/homeport").endswith("nothing was replaced")
    assert stage.seen.shell("find /etc/homeport -mindepth 1") == ""
    stage.seen.shell("umount /etc/homeport && rmdir /etc/homeport")


def test_tools_that_find_no_place_are_not_left_half_installed(stage: Stage) -> None:
    mount(stage.seen, "/usr/local/lib/homeport", "30m")
    assert "error: tools: " in stage.full("/usr/local/lib/homeport")
    assert stage.seen.shell("find /usr/local/lib/homeport -name 'tools*'") == ""
    stage.seen.shell("umount /usr/local/lib/homeport")


def test_the_next_run_after_space_was_made_succeeds(stage: Stage) -> None:
    mount(stage.seen, "/srv", "1g")
    mount(stage.seen, CACHE, "400m")
    stage.deployed()
    assert stage.seen.answers()


def test_a_release_that_cannot_fit_is_refused_before_it_is_sent(stage: Stage) -> None:
    serving = stage.live()
    (stage.project.app / "large.bin").write_bytes(secrets.token_bytes(30 * 2**20))
    stage.project.commit("large")
    stage.fill("/srv", 20)
    before = stage.listing()
    result = stage.project.deploy(stage.seen.host, minimum_free_megabytes=FREE)
    stage.seen.shell("rm /srv/filler")
    assert result.returncode == 1, result.stdout
    assert re.search(r"disk: disk: the release needs 31 MB on the file system of /srv, \d+ MB are free", result.stdout)
    assert stage.live() == serving
    stage.fill("/srv", 20)
    assert stage.listing() == before
    stage.seen.shell("rm /srv/filler")


def test_a_disk_that_fills_up_during_the_upload(stage: Stage) -> None:
    serving, before = stage.live(), stage.listing()
    # Little is left from the beginning, or the upload would be through before the rest is taken.
    stage.fill("/srv", 60)
    stage.seen.shell(
        "cat >/root/rest.sh <<'END'\n"
        "until ls -d /srv/hello/releases/*.partial; do sleep 0.01; done\n"
        "cat /dev/zero >/srv/rest\n"
        "END\nsystemd-run -q --unit=rest sh /root/rest.sh"
    )
    line = stage.full("/srv")
    assert "cannot be put in place" in line
    assert stage.live() == serving
    stage.seen.shell("rm /srv/filler /srv/rest")
    assert stage.listing() == before
    stage.deployed()
    assert stage.live() != serving


def test_files_that_the_live_release_has_are_not_sent_again(stage: Stage) -> None:
    stage.project.write("extra.txt", "little\n")
    before = stage.received_megabytes()
    stage.deployed()
    assert stage.received_megabytes() - before < 5
    live = f"/srv/hello/releases/{stage.live()}"
    assert stage.seen.shell(f"cat {live}/extra.txt; stat -c %s {live}/large.bin").split() == ["little", str(30 * 2**20)]


@pytest.mark.parametrize("place", ["/srv", CACHE])
def test_a_disk_that_is_full_when_dependencies_are_installed(stage: Stage, place: str) -> None:
    serving, before = stage.live(), stage.seen.shell("ls /srv/hello/venvs")
    requirements = (stage.project.app / "requirements.txt").read_text()
    # Another lock with the same content: what it is named after is its text.
    packages = f"{requirements}# {place}\n"
    (stage.project.app / "large.bin").unlink(missing_ok=True)
    stage.project.write("requirements.txt", packages)
    stage.seen.shell(f"rm -rf {CACHE}/hello/uv")
    stage.fill(place, 15)
    line = stage.full(place)
    assert "the dependencies cannot be installed" in line
    assert stage.live() == serving
    assert stage.seen.shell("ls /srv/hello/venvs") == before
    assert stage.seen.shell(f"find {CACHE}/hello -mindepth 1 -path '*/uv*'") == ""
    stage.seen.shell(f"rm {place}/filler")
    stage.deployed()
    assert stage.live() != serving
    assert stage.seen.shell("ls /srv/hello/venvs") != before
