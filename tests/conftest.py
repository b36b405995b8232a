from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import settings

from tests import always, capabilities, durations, pace, tiers

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
LEFT_OUT = pytest.StashKey[int]()
# A busy machine makes no example wrong.
settings.register_profile("homeport", deadline=None)
settings.load_profile("homeport")


def pytest_configure(config: pytest.Config) -> None:
    """Measure the computer before the processes of `pytest -n` are begun, which take the figure over."""
    # Programs that the tests start keep lines in a buffer, as they do for most users.
    os.environ.pop("PYTHONUNBUFFERED", None)
    # uv asks for authorities of its own otherwise; ours has the system's too (see operations/scripts/environment.sh).
    if AUTHORITIES.exists():
        os.environ.setdefault("SSL_CERT_FILE", str(AUTHORITIES))
    pace.pace()
    if not config.pluginmanager.has_plugin("durations"):
        config.pluginmanager.register(durations, "durations")


def pytest_report_header(config: pytest.Config) -> str:
    """Print what this run's choices follow from, so that another run can repeat them."""
    chosen = f"HOMEPORT_SEED={tiers.seed()}" + (" (all tests)" if tiers.EVERYTHING else "")
    return f"{chosen}, HOMEPORT_PACE={pace.pace()} (waits have so many times the time of a quiet machine)"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this computer cannot run; and, unless it was asked for by its name, what the seed does not draw
    of the tests on machines, and of the suites of those marked `either_suite`. Of a file that was asked for by its name
    nothing but parameters is left out. What `-m` or `-k` leaves out is gone by then, and counts for nothing.
    """
    if impossible := capabilities.left_out(items):
        config.stash[LEFT_OUT] = len(impossible)
        deselect(config, items, impossible)
    names = {item: name for item in items if (name := drawn_by(item))}
    for item, name in names.items():
        item.user_properties.append((durations.DRAWN, name))
    if tiers.EVERYTHING or any("::" in word for word in config.args):
        return
    seed = tiers.seed()
    named = {(config.invocation_params.dir / word).resolve() for word in config.args}
    asked_for = {item for item, name in names.items() if name == others(item) and item.path in named}
    taken = tiers.drawn((name for item, name in names.items() if item not in asked_for), seed)
    left_out = [
        item
        for item in items
        if (item in names and names[item] not in taken and item not in asked_for)
        or (item.get_closest_marker("either_suite") and tiers.is_elsewhere(item.nodeid, seed))
    ]
    if left_out:
        deselect(config, items, left_out)


def drawn_by(item: pytest.Item) -> str:
    """Return by which name a test is drawn; "": it is taken each time, having no machine or being in `tests/always.py`.

    The others of a file are drawn together, so that a test has all those before it that it may stand on, or only such
    as are listed. What is marked `sampled` with a name (another suite, another proxy) is drawn by itself, and with it
    all tests of the file that have it; so is a parameter of a listed test that is marked without one.
    """
    if item.get_closest_marker("lab") is None:
        return ""
    file, _, test = item.nodeid.partition("::")
    listed = always.is_listed(file, test)
    if (parameters := getattr(item, "callspec", None)) and (marks := sampled(parameters.marks)):
        named = next((str(mark.args[0]) for mark in marks if mark.args), "")
        if named or listed:
            return f"{file} {named or parameters.id}"
    return "" if listed else others(item)


def others(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def sampled(marks: Iterable[pytest.Mark]) -> list[pytest.Mark]:
    return [mark for mark in marks if mark.name == "sampled"]


def deselect(config: pytest.Config, items: list[pytest.Item], left_out: list[pytest.Item]) -> None:
    gone = set(left_out)
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in gone]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how many tests this computer could not run, and why."""
    if (number := config.stash.get(LEFT_OUT, 0)) and capabilities.refusal():
        terminalreporter.write_line(capabilities.line(number), yellow=True)
