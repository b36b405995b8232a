"""Memory and processors on a real machine: what does not fit is refused before anything changes, and who leaks, or
takes all processors, harms nobody else.

The tests share a machine with two applications and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
LEAK = """

LEAKED = []


@app.get("/leak")
def leak() -> None:
    while True:
        LEAKED.append(b"x" * 2**20)
"""
# All that a deploy writes to: each path with its time, size, mode and owner.
LISTING = (
    "find /etc /srv /usr/local /var/lib/hello /var/cache/homeport -printf '%p %T@ %s %m %u %l\\n' | sort | sha256sum"
)


@dataclass
class Stage:
    """A machine with an application that can leak, and another one beside it."""

    hello: Project
    other: Project
    seen: Seen
    other_name: str

    def state(self) -> str:
        return self.seen.shell(LISTING)

    def slot(self) -> str:
        return str(self.seen.get("/health")["slot"])

    def workers(self, unit: str) -> set[str]:
        """Return the server's worker processes, as the kernel has them."""
        manager = self.seen.property(unit, "MainPID")
        return set(self.seen.shell(f"pgrep -P {manager} -f spawn_main || :").split()) if manager != "0" else set()


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("memory")
    hello = Project.create(tmp_path_factory.mktemp("hello") / "project", lab, "hello", workers=2)
    hello.write("main.py", (hello.app / "main.py").read_text() + LEAK)
    name = f"other.{host.domain}"
    values = {"app_name": "other", "domain": name, "port_blue": 8011, "port_green": 8012, "workers": 2}
    other = Project.create(tmp_path_factory.mktemp("other") / "project", lab, "hello", **values)
    yield Stage(hello, other, Seen(lab, host), name)
    lab.remove(host.name)


def pretend(seen: Seen, available_megabytes: int) -> None:
    """Have the machine say that so much memory is available."""
    kilobytes = available_megabytes * 1024
    seen.shell(f"sed 's/^MemAvailable:.*/MemAvailable: {kilobytes} kB/' /proc/meminfo >/run/meminfo")
    seen.shell("mount --bind /run/meminfo /proc/meminfo")


def test_each_of_two_applications_is_limited_to_its_part_of_the_machine(stage: Stage) -> None:
    stage.hello.deployed(stage.seen.host)
    stage.other.deployed(stage.seen.host)
    total = int(stage.seen.shell("sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo")) // 1024
    limits = [int(stage.seen.property(f"{app}@blue", "MemoryMax")) // 2**20 for app in ("hello", "other")]
    assert limits == [total - 384, (total - 384) // 2]


def test_workers_that_do_not_fit_are_refused_and_nothing_is_written(stage: Stage) -> None:
    stage.hello.write("NEWS.txt", "second")
    before, serving = stage.state(), stage.seen.get("/health")["release"]
    pretend(stage.seen, 300)
    try:
        result = stage.hello.deploy(stage.seen.host, workers=12)
        assert result.returncode == 1, result.stdout
        [line] = re.findall(r"memory: workers: .*", result.stdout)
        measured = re.match(
            r"memory: workers: 12 workers of (\d+) MB \(as measured\) need (\d+) MB, there are (\d+) MB for each of "
            r'the two slots that a switch runs side by side; set workers = (\d+) or set switch = "restart"',
            line,
        )
        assert measured, line
        each, need, room, fitting = map(int, measured.groups())
        assert 12 * each <= need
        assert fitting * each <= room < (fitting + 1) * each + 60
        assert stage.state() == before
        assert stage.seen.get("/health")["release"] == serving
        assert stage.hello.deploy(stage.seen.host, workers=fitting + 1).returncode == 1
        stage.hello.deployed(stage.seen.host, workers=fitting)
    finally:
        stage.seen.shell("umount /proc/meminfo")
    assert stage.seen.get("/health")["release"] != serving
    assert len(stage.workers(f"hello@{stage.slot()}.service")) == (fitting if fitting > 1 else 0)


def test_an_unchanged_release_is_never_refused(stage: Stage) -> None:
    stage.hello.deployed(stage.seen.host)
    pretend(stage.seen, 1)
    try:
        assert "No changes" in stage.hello.deployed(stage.seen.host)
    finally:
        stage.seen.shell("umount /proc/meminfo")


def test_a_worker_that_leaks_to_its_limit_is_killed_and_replaced_and_harms_nobody(stage: Stage) -> None:
    stage.hello.deployed(stage.seen.host, memory_max_megabytes=250)
    unit = f"hello@{stage.slot()}.service"
    limit = int(stage.seen.property(unit, "MemoryMax"))
    assert limit == 250 * 2**20
    before = stage.workers(unit)
    others = stage.workers("other@blue.service")
    assert len(before) == len(others) == 2
    answer = stage.seen.curl("/leak", "-o", "/dev/null", "-w", "%{http_code}")
    assert answer.stdout in ("502", "504")
    assert until(lambda: len(stage.workers(unit)) == 2 and stage.workers(unit) != before, 60)
    # Nginx asks once more where a connection that it had kept open breaks: then the other worker leaks as well.
    assert len(stage.workers(unit) & before) <= 1
    assert until(stage.seen.answers)
    # On a busy computer the kernel looks for one more victim while the first still holds its memory, and may take the
    # manager: then systemd starts the server anew, once.
    assert int(stage.seen.property(unit, "NRestarts")) <= 1
    assert stage.workers("other@blue.service") == others
    assert stage.seen.answers(name=stage.other_name)
    assert int(stage.seen.property(unit, "MemoryCurrent")) <= limit


def used(seen: Seen, app: str) -> int:
    """Return the seconds of processor time that the processes of an application have used, by the kernel."""
    return sum(map(int, seen.shell(f"ps -u {app} -o cputimes=").split()))


def gets_less(seen: Seen, less: str, more: str, times: float = 1) -> bool:
    """Tell whether one application gets less than the other (so many times less), in a time in which that gets 10 s.

    Not at once: while others want the same processors, the kernel takes a while to move all of them to their places.
    """
    before = {app: used(seen, app) for app in (less, more)}
    assert until(lambda: used(seen, more) - before[more] > 10, 120)
    return times * (used(seen, less) - before[less]) < used(seen, more) - before[more]


@pytest.mark.one_suite
def test_two_applications_keep_their_part_of_the_processors_while_both_want_all(stage: Stage) -> None:
    cores = int(stage.seen.shell("nproc"))
    busy = json.dumps({f"busy{number}": "exec python3 -c 'while True: pass'" for number in range(cores)})
    stage.other.deployed(stage.seen.host, processes=busy, cpu_weight=50)
    stage.hello.deployed(stage.seen.host, processes=busy, cpu_weight=500)
    assert until(lambda: gets_less(stage.seen, "other", "hello", times=2), 120)
    assert stage.seen.answers()
    # The other way round, and no release for it.
    release = stage.seen.get("/health")["release"]
    stage.hello.deployed(stage.seen.host, processes=busy, cpu_weight=5)
    assert stage.seen.get("/health")["release"] == release
    assert until(lambda: gets_less(stage.seen, "hello", "other"), 120)


@pytest.mark.one_suite
def test_an_application_uses_no_more_processors_than_it_may(stage: Stage) -> None:
    for project in (stage.hello, stage.other):  # what is busy ends first: a new release shares the part of the old one
        project.deployed(stage.seen.host)
    stage.other.deployed(stage.seen.host, cpu_max=0.5)
    place = "system.slice/system-homeport_other.slice"
    said = stage.seen.shell(
        f"cd /sys/fs/cgroup/cpu/{place} 2>/dev/null && cat cpu.cfs_quota_us cpu.cfs_period_us || "
        f"cat /sys/fs/cgroup/{place}/cpu.max"
    )
    quota, period = map(int, said.split())
    assert quota * 2 == period
