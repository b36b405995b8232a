"""The page of `homeport status --html` in a real browser: at two widths, by day and by night.

It needs no machine of the lab; the browser is Debian's, which is installed here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from homeport.report.page import report
from tests.lab.artefacts import FOLDER, keep
from tests.lab.browser import Page, browser
from tests.report.status_values import RAW, entry, found, pem, process, slot, step

pytestmark = pytest.mark.lab
WIDTHS = (390, 1280)
BUSY = [process(20, "main"), {**process(21), "cpu_percent": 97.0}, {**process(22), "cpu_percent": 63.0}]
LONG = "the migration failed (status 1): a-word-without-any-place-at-which-a-browser-could-break-it-" + "x" * 80
CHECKS = Path(__file__).with_name("page_checks.js").read_text()
WIDTH_OF_BARS = """JSON.stringify([...document.querySelector('.deploy').querySelectorAll('.bar')].map(
  bar => [bar.className.split(' ').pop(), bar.getBoundingClientRect().width / bar.parentElement.clientWidth]))"""


def hosts() -> list[dict[str, Any]]:
    """Return three machines: one that is well, one that has had trouble, and one that cannot be read."""
    well = found()
    log = [
        *(entry("live", f"{n:012x}", f"2029-12-{n:02}T08:00:00Z", commit="c" * 40) for n in (2, 9, 17, 25)),
        entry("failed", "bad1bad1bad1", "2029-12-21T10:00:00Z", reason=LONG),
        *copy.deepcopy(RAW["log"]),
        entry("failed", "bad2bad2bad2", "2030-01-01T11:30:00Z", reason="not healthy", steps=[step("prepare", 1, 2)]),
    ]
    running = {"active_state": "active", "sub_state": "running", "main_pid": 20, "workers": [21, 22]}
    timer = {"unit": "notes.digest@green.timer", "active_state": "active", "restarts": 0}
    troubled = found(
        log=log,
        certificate__pem=pem(began=-85, names=("a-rather-long-name-of-a-site.example.com", "b.test")),
        slots__green=slot("green", release="new", restarts=2, processes=BUSY, memory_pss_kilobytes=200000, **running),
        machine__load_15=1.95,
        extras=[{**timer, "next_run_at": "2030-01-02T00:00:00Z"}],
        hold={"by": "carol@desk", "since": "2030-01-01T11:00:00Z", "message": "the <database> moves & waits"},
    )
    return [well, {**troubled, "host": "web2.a-long-name.example.com"}, {"host": "web3", "error": "could not connect"}]


@pytest.fixture(scope="module")
def page(namespaces: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as shown:
        yield shown


@pytest.fixture(scope="module")
def written() -> Path:
    return keep("report.html", report(hosts(), "production"))


@pytest.mark.parametrize("dark", [False, True], ids=["day", "night"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_every_width_can_be_read_and_loads_nothing(
    page: Page, written: Path, width: int, dark: bool
) -> None:
    page.show(written, width, dark=dark)
    (FOLDER / f"report-{width}-{'night' if dark else 'day'}.png").write_bytes(page.photograph())
    assert page.ask(CHECKS) == []
    assert page.requested() == [written.as_uri()]
    assert page.complaints() == []


def test_the_report_shows_the_values_of_the_hosts(page: Page, written: Path) -> None:
    page.show(written, WIDTHS[1])
    seen = " ".join(page.ask("document.body.innerText").split())
    for text in ("2 of 3 hosts serve", "could not connect", "web2.a-long-name.example.com", "60 days left", LONG):
        assert text in seen
    assert "the <database> moves & waits" in seen
    for section in ("topology", "history", "advice"):
        assert page.ask(f"document.getElementById('{section}').getBoundingClientRect().height") > 50
    counts = "['.slot.live', '.square', '.fail', '.workers', '.certificate', '.deploy', '.bar.step']"
    shown = page.ask(f"{counts}.map(one => document.querySelectorAll(one).length)")
    assert shown == [2, 4, 2, 2, 2, 2, 8]


def test_bars_are_as_long_as_what_they_stand_for(page: Page, written: Path) -> None:
    page.show(written, WIDTHS[1])
    first = dict(json.loads(page.ask(WIDTH_OF_BARS)))
    steps = {one["name"]: one["seconds"] for one in hosts()[0]["last_deploy"]["steps"]}
    total = hosts()[0]["last_deploy"]["seconds"]
    for name in ("migration", "start", "watch"):
        assert first[name] == pytest.approx(steps[name] / total, abs=0.02)


def test_without_any_host_that_could_be_read_there_is_a_page_still(page: Page) -> None:
    page.show(keep("report-empty.html", report([{"host": "web1", "error": "no answer"}], "production")), WIDTHS[0])
    assert "0 of 1 host serves" in page.ask("document.body.innerText")
    assert page.complaints() == []
