"""Maintenance: visitors get a page with 503 from the next request on, without a reload, until it is off again.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.cli.test_schema import conforms
from tests.lab.commands import homeport, refusal, settle_data
from tests.lab.project import Project, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
ON = ("maintenance", "lab", "--limit", "shut")


@dataclass
class Stage:
    """A machine that serves, and the project that deployed to it."""

    project: Project
    host: LabHost
    seen: Seen

    def asked(self, path: str = "/", *options: str) -> tuple[int, dict[str, str], str]:
        """Return status, headers and text of an answer."""
        done = self.seen.curl(path, "-i", *options)
        assert done.returncode == 0, done.stderr
        head, _, text = done.stdout.replace("\r\n", "\n").partition("\n\n")
        first, *others = head.splitlines()
        return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in others), text

    def homeport(self, *words: str) -> str:
        """Run a command and have it succeed; return what it printed."""
        done = homeport(self.project, *words)
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("shut")
    project = Project.create(tmp_path_factory.mktemp("shut") / "project", lab, "hello")
    settle_data(project, drain_timeout_seconds=1, watch_seconds=0, maintenance_retry_seconds=77)
    project.deployed(host)
    yield Stage(project, host, Seen(lab, host))
    lab.remove(host.name)


def test_on_shows_every_visitor_the_page_and_the_health_path_answers(stage: Stage) -> None:
    nginx = stage.seen.shell("pgrep -xf 'nginx: worker process' | sort")
    assert stage.asked()[0] == 200
    said = stage.homeport(*ON, "on", "-m", "we move")
    assert "visitors get the maintenance page" in said
    for path, options in (
        ("/", ()),
        ("/a/b?c=d", ()),
        ("/", ("-X", "POST", "-d", "x=1")),
        ("/", ("--http2",)),
        ("/x", ("-I",)),
    ):
        status, headers, text = stage.asked(path, *options)
        assert status == 503, path
        assert headers["retry-after"] == "77"
        assert headers["cache-control"] == "no-store"
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert "strict-transport-security" in headers
        assert ("Back soon" in text) == ("-I" not in options)
        assert "we move" not in text
    assert stage.seen.answers()
    # What the page is made of is nobody's business, and nothing was reloaded.
    assert stage.asked("/.homeport/closed")[0] == 404
    assert stage.asked("/.homeport/maintenance.html")[0] == 404
    assert stage.seen.shell("pgrep -xf 'nginx: worker process' | sort") == nginx


def test_maintenance_names_who_closed_the_site_when_and_why(stage: Stage) -> None:
    assert " is on since " in stage.homeport(*ON)
    document = json.loads(stage.homeport(*ON, "--json"))
    conforms(document, "maintenance")
    assert document[0]["maintenance"]["message"] == "we move"
    assert "nothing to change" in stage.homeport(*ON, "on", "-m", "we move")


def test_maintenance_lasts_over_a_deploy_with_a_custom_page_and_over_a_reboot(stage: Stage) -> None:
    overrides = stage.project.folder / "overrides" / "nginx"
    overrides.mkdir(parents=True)
    (overrides / "maintenance.html").write_text(
        '{% extends "homeport/nginx/maintenance.html" %}{% block page %}<h1>Our own $words</h1>{% endblock %}'
    )
    release = stage.seen.get("/health")["release"]
    settle_data(stage.project, environment={"NEXT": "1"})
    stage.project.deployed(stage.host)
    assert stage.seen.get("/health")["release"] != release
    assert stage.asked()[0] == 503
    assert "Our own $words" in stage.asked()[2]
    stage.project.lab.reboot(stage.host)
    # It accepts a login before the proxy is up.
    assert until(lambda: stage.seen.curl("/").returncode == 0, 60)
    assert stage.asked()[0] == 503


def test_a_deploy_at_work_does_not_keep_anybody_from_opening_it_again(stage: Stage) -> None:
    stage.homeport("lock", "lab", "--limit", "shut", "-m", "nobody deploys")
    assert "get the application again" in stage.homeport(*ON, "off")
    assert stage.asked()[0] == 200
    assert " is off" in stage.homeport(*ON)
    assert "nothing to change" in stage.homeport(*ON, "off")
    stage.homeport("unlock", "lab", "--limit", "shut")


def test_a_site_of_an_older_homeport_is_refused_in_one_line(stage: Stage) -> None:
    stage.seen.shell("sed -i s/maintenance.json/other.json/ /etc/nginx/homeport/hello.conf")
    assert "deploy once with this homeport" in refusal(homeport(stage.project, *ON, "on"), 1)
    stage.project.deployed(stage.host)
    stage.homeport(*ON, "on")
    stage.homeport(*ON, "off")
    assert stage.asked()[0] == 200
