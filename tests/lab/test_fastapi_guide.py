"""What FastAPI's deployment guide has one look at after a deploy, and the end of the lifespan that it asks for.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.api_pages import addresses
from tests.lab.browser import Page, browser
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
WORKERS = 2
MAIN = """
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app):
    print(f"begins {os.getpid()}")  # in one piece, or those of two workers are mixed
    yield
    print(f"ends {os.getpid()}")


app = FastAPI(title="hello", root_path="/v1", lifespan=lifespan)


@app.get("/health")
def health():
    return {"release": os.environ["HOMEPORT_RELEASE"], "slot": os.environ["HOMEPORT_SLOT"]}
"""
# What the pages load from elsewhere: it draws nothing, and asks for the description as the real ones do.
VIEWER = """
const draw = ({url}) => fetch(url).then(answer => answer.json()).then(found => {
  document.title = `${document.title}, drawn with ${Object.keys(found.paths)}`;
});
window.SwaggerUIBundle = draw;
SwaggerUIBundle.presets = {}; SwaggerUIBundle.SwaggerUIStandalonePreset = {};
const redoc = document.querySelector("redoc");
if (redoc) draw({url: redoc.getAttribute("spec-url")});
"""


@dataclass
class Stage:
    """A machine that serves hello."""

    project: Project
    host: LabHost
    seen: Seen

    def unit(self) -> str:
        """Return the unit that serves."""
        return f"hello@{self.seen.get('/health')['slot']}.service"

    def processes(self, word: str, *options: str) -> list[str]:
        """Return which processes have printed this word, by the journal of the application's slots."""
        units = "-u hello@blue -u hello@green"
        lines = self.seen.shell(
            f"journalctl -q --no-pager -o cat {units} {' '.join(options)} | grep '^{word} ' || true"
        )
        return sorted(line.split()[1] for line in lines.splitlines())

    def live(self) -> list[str]:
        """Return the workers that serve, once all have begun."""
        matches = f"_SYSTEMD_INVOCATION_ID={self.seen.property(self.unit(), 'InvocationID')}"
        assert until(lambda: len(self.processes("begins", matches)) == WORKERS)
        return self.processes("begins", matches)

    def ended(self, *options: str) -> set[str]:
        return set(self.processes("ends", *options))


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("guide", "trixie")
    project = Project.create(tmp_path_factory.mktemp("guide") / "project", lab, "hello", workers=WORKERS)
    project.deployed(host)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_the_pages_about_the_api_and_its_description_are_served(stage: Stage) -> None:
    assert list(stage.seen.get("/openapi.json")["paths"]) == ["/", "/health"]
    for path in ("/docs", "/redoc"):
        answer = stage.seen.curl(path, "--fail", "--include").stdout
        assert "/openapi.json" in addresses(answer)
        # What they load comes from elsewhere, and nothing of ours keeps a browser from that.
        assert "content-security-policy" not in answer.lower()
        assert "content-type: text/html" in answer.lower()


def test_under_a_prefix_they_are_served_too_and_ask_there(stage: Stage) -> None:
    stage.project.write("main.py", MAIN)
    stage.project.deployed(stage.host)

    described = stage.seen.get("/v1/openapi.json")

    assert described["servers"] == [{"url": "/v1"}]
    for path in ("/v1/docs", "/v1/redoc"):
        assert "/v1/openapi.json" in addresses(stage.seen.curl(path, "--fail").stdout)
    assert stage.seen.get("/v1/health") == stage.seen.get("/health")


@pytest.fixture
def page(stage: Stage, tmp_path: Path) -> Iterator[Page]:
    if stage.seen.https_port != 443:
        pytest.skip("a browser is led to port 443 alone")
    rules = f"--host-resolver-rules=MAP {stage.host.domain} {stage.host.address}"
    # Its certificate is verified by the others: the browser has a store of its own.
    with browser(tmp_path, rules, "--ignore-certificate-errors") as shown:
        yield shown


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/v1/docs", "/v1/redoc"])
def test_a_browser_shows_them_with_what_they_load_from_elsewhere(stage: Stage, page: Page, path: str) -> None:
    with page.answering({"https://cdn.jsdelivr.net/*": VIEWER, "https://fonts.googleapis.com/*": ""}):
        page.open(f"https://{stage.host.domain}{path}")
        assert until(lambda: "drawn with /health" in str(page.ask("document.title")))
    assert any(one.startswith("https://cdn.jsdelivr.net/") for one in page.requested())
    refused = [one for one in page.complaints() if "Content Security" in one or "MIME" in one or "nosniff" in one]
    assert refused == []


def test_each_worker_of_the_old_release_ends_its_lifespan_after_a_switch(stage: Stage) -> None:
    old = stage.live()
    stage.project.write("NEWS.txt", "another release")

    stage.project.deployed(stage.host)

    assert set(old) <= stage.ended()
    assert not set(stage.live()) & stage.ended()


def test_each_worker_ends_its_lifespan_when_the_slot_is_stopped(stage: Stage) -> None:
    unit, old = stage.unit(), stage.live()

    stage.seen.shell(f"systemctl stop {unit}")

    assert set(old) <= stage.ended()
    stage.seen.shell(f"systemctl start {unit}")


def test_each_worker_ends_its_lifespan_at_a_reboot(stage: Stage) -> None:
    old, boot = stage.live(), stage.seen.shell("cat /proc/sys/kernel/random/boot_id").replace("-", "")

    stage.seen.lab.reboot(stage.host)

    assert until(stage.seen.answers)
    assert set(old) <= stage.ended(f"_BOOT_ID={boot}")
