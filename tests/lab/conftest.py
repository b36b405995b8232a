"""Real machines for tests: one lab for the whole run, and fresh hosts that are thrown away."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from homeport.lab import Lab, LabDirectory, LabHost
from homeport.lab.model import BackendName, Suite
from tests.lab.evidence import pytest_runtest_makereport as pytest_runtest_makereport
from tests.lab.remote import ReadLab
from tests.lab.seasoned import Seasoned

MakeHost = Callable[..., LabHost]
numbers = itertools.count(1)
# Those that take longest begin first, the emulated machine before all, so that the workers of `pytest -n` end at about
# the same time. No two of the first four wait for the same machine to be seasoned: two begin with a bare one.
LONGEST = tuple(
    f"test_{name}"
    for name in (
        *("lab_docker", "export_kubernetes", "whole_machine", "zero_loss", "switching", "deploy", "first_steps"),
        *("pipeline", "runbook", "remove", "upkeep", "host_program", "routines", "secrets"),
        *("streams", "lost_host", "disk_full", "sandbox", "kill", "memory", "certificates", "status"),
        *("cli_run", "migrating_machine", "locking", "processes", "doctor_application", "doctor", "release_kinds"),
        *("cli_deploy", "lab_nspawn", "lockout", "rollback", "init", "firewall", "interrupt", "release_extras", "ssh"),
        *("outbound", "servers", "other_proxies", "supervisor"),
        *("export_container", "export_compose", "export_swarm", "export_push"),
        *("last_version", "power_cut", "boot", "unusual_machine", "own_package", "shapes", "remove_machine"),
        *("tls", "soak"),
    )
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have the files that take longest run first, and what is marked `one_suite` on one suite."""
    twice = [item for item in items if item.get_closest_marker("one_suite") and "[trixie" in item.name]
    if twice:
        config.hook.pytest_deselected(items=twice)
        items[:] = [item for item in items if item not in twice]
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


@contextmanager
def without_hosts(lab: Lab) -> Iterator[Lab]:
    try:
        lab.up(hosts=0)
        yield lab
    finally:
        lab.down()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab without hosts, its services up; removed when the run ends."""
    with without_hosts(ReadLab(LabDirectory(tmp_path_factory.mktemp("homeport") / "lab"))) as lab:
        yield lab


@pytest.fixture(scope="session")
def emulating_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The same for tests of what others show on machines in namespaces: run only where there are none of these."""
    with without_hosts(ReadLab(LabDirectory(tmp_path_factory.mktemp("homeport") / "lab"))) as lab:
        yield lab


@pytest.fixture(scope="session")
def namespaces() -> None:
    """Asked for by tests that need what machines in namespaces need, and no machine (see tests/capabilities.py)."""


@pytest.fixture(scope="session")
def seasoned(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Seasoned:
    """What makes machines on which packages and tools are installed already."""
    folder = tmp_path_factory.getbasetemp()
    return Seasoned(lab, folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)


@pytest.fixture
def make_host(lab: Lab) -> Iterator[MakeHost]:
    """A function that makes a fresh host, `make_host(suite="bookworm", backend="nspawn")`; gone when the test ends."""
    made: list[str] = []

    def make(suite: Suite = "bookworm", backend: BackendName = "nspawn", name: str = "") -> LabHost:
        chosen = name or f"web{next(numbers)}"
        made.append(chosen)
        return lab.add(chosen, suite, backend)

    yield make
    present = {host.name for host in lab.directory.load().hosts}
    for one in made:
        if one in present:
            lab.remove(one)


@pytest.fixture
def own_lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab of the test's own, not up yet; removed when the test ends."""
    lab = Lab(LabDirectory(tmp_path / "lab"))
    try:
        yield lab
    finally:
        lab.down()
