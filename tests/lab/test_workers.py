"""All workers serve, or the release is never live: the guide's example of a model that does not fit, scaled down.

The tests share a machine and go on from one another, in the order in which they stand.
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

pytestmark = [pytest.mark.lab, pytest.mark.one_suite]
# The guide: a model of 1 GB, four workers, a machine of 3 GB. Here: 100 MB, four workers, a slot of 500 MB.
LIMIT = 500
MODEL = """

import multiprocessing
import os

MODEL = b"x" * (int(os.environ.get("MODEL_MEGABYTES", "0")) * 2**20)

if multiprocessing.parent_process() is not None and "SOME_DIE" in os.environ:
    with open(os.environ["STATE_DIRECTORY"] + "/workers", "a") as workers:
        workers.write("x")
    if os.stat(os.environ["STATE_DIRECTORY"] + "/workers").st_size > 2:
        print("this worker has no licence")
        sys.stdout.flush()
        os._exit(9)
"""


@dataclass
class Stage:
    project: Project
    seen: Seen

    def refused(self, model: int, **data: object) -> str:
        """Have a release with a model of so many megabytes refused; return why."""
        result = self.project.deploy(self.seen.host, **given(model, **data))
        assert result.returncode == 1, result.stdout
        return result.stdout

    def serving(self) -> int:
        """Return how many processes serve, as the kernel has them: a lone worker, or what a manager has started."""
        slot = str(self.seen.get("/health")["slot"])
        manager = self.seen.property(f"hello@{slot}", "MainPID")
        return len(self.seen.shell(f"pgrep -P {manager} -f spawn_main || :").split()) or 1


def given(model: int, **data: object) -> dict[str, object]:
    variables = {"MODEL_MEGABYTES": str(model), **({"SOME_DIE": "yes"} if data.pop("some_die", False) else {})}
    return {"memory_max_megabytes": LIMIT, "environment": json.dumps(variables), **data}


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("model")
    project = Project.create(tmp_path_factory.mktemp("model") / "project", lab, "hello")
    project.write("main.py", "import sys\n" + (project.app / "main.py").read_text() + MODEL)
    yield Stage(project, Seen(lab, host))
    lab.remove(host.name)


def test_a_first_release_whose_workers_do_not_fit_is_refused_with_how_many_do_and_goes_live_with_those(
    stage: Stage,
) -> None:
    said = stage.refused(100, workers=4)
    measured = re.search(
        r"measured memory of its workers: (\d+) MB each, and (\d+) MB for their manager; (\d+) fit; "
        rf"4 need (\d+) MB, and there are {LIMIT} MB \(memory_max_megabytes\); set workers = (\d+)",
        said,
    )
    assert measured, said
    each, base, fit, need, advised = map(int, measured.groups())
    assert each > 100
    assert fit == advised == (LIMIT - base) // each
    assert abs(base + 4 * each - need) <= 4
    assert not stage.seen.answers()
    # It was told before anything was killed.
    assert "killed" not in stage.seen.shell("journalctl -q -o cat -u hello@blue")
    stage.project.deployed(stage.seen.host, **given(100, workers=fit))
    assert stage.serving() == fit > 1


def test_a_release_some_of_whose_workers_die_is_never_live(stage: Stage) -> None:
    before = stage.seen.get("/health")["release"]
    said = stage.refused(0, workers=3, some_die=True, memory_max_megabytes=8 * LIMIT)
    assert re.search(r"error: .*: 2 of 3 workers serve; \d+ died, and were replaced", said), said
    assert "this worker has no licence" in said
    assert stage.seen.get("/health")["release"] == before
    assert "live" not in {
        entry["event"]
        for entry in map(json.loads, stage.seen.shell("cat /srv/hello/releases.jsonl").splitlines())
        if entry["release"] not in (before,)
    }


def test_a_release_that_has_grown_too_large_is_never_live_and_the_limit_is_named(stage: Stage) -> None:
    before = stage.seen.get("/health")["release"]
    said = stage.refused(300, workers=2)
    # The kernel takes a worker, or the manager.
    by_a_worker = rf"killed for lack of memory: its 2 workers do not fit into {LIMIT} MB \(memory_max_megabytes\)"
    by_the_manager = rf"for lack of memory: the limit is {LIMIT} MB, memory_max_megabytes\)"
    assert re.search(f"{by_a_worker}|{by_the_manager}", said), said
    assert stage.seen.get("/health")["release"] == before
    assert until(lambda: stage.seen.property("hello@green", "ActiveState") in ("inactive", "failed"))
