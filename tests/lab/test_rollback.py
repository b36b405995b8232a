"""The way back on a real machine: all of a release as it was, with no registry and no source within reach.

The tests share a machine and go on from one another, in the order in which they stand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from homeport.lab import Lab
from homeport.lab.model import LabHost
from tests.lab.commands import homeport, refusal, settle_data
from tests.lab.project import Project, Seen
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
ROLLBACK = ("rollback", "lab", "--limit", "back")
MIGRATION = '''"""A table that nobody reads yet."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("later", sa.Column("id", sa.Integer, primary_key=True))


def downgrade() -> None:
    op.drop_table("later")
'''


@dataclass
class Stage:
    """A machine that serves, a project that deploys to it, and what each release was like when it was deployed."""

    project: Project
    host: LabHost
    seen: Seen
    ids: dict[str, str] = field(default_factory=dict)
    copies: dict[str, dict[str, str]] = field(default_factory=dict)

    def deploy(self, name: str, **data: object) -> None:
        settle_data(self.project, **data)
        self.project.write("NEWS.txt", name)
        self.project.deployed(self.host)
        self.ids[name] = self.live()
        self.copies[name] = self.as_it_is()

    def live(self) -> str:
        return str(self.seen.get("/health")["release"])

    def slot(self) -> str:
        return str(self.seen.get("/health")["slot"])

    def as_it_is(self) -> dict[str, str]:
        """Return all that a release consists of, as the live one has it now, read where it is in use."""
        slot = self.slot()
        code = f"cd /srv/notes/slots/{slot}/ && find . -type f ! -name '*.pyc' -exec sha256sum {{}} + | sort -k 2"
        variables = f"xargs -0 -n 1 </proc/$(systemctl show -P MainPID notes@{slot})/environ | grep -E '^(GREETING|X_)'"
        return {
            "code": self.seen.shell(code),
            "variables of the process": self.seen.shell(variables),
            "environment": self.seen.shell(f"cat /etc/homeport/notes/slots/{slot}/env"),
            "unit": self.seen.shell(f"cat /etc/systemd/system/notes@{slot}.service"),
            "migration unit": self.seen.shell(f"cat /etc/systemd/system/notes-migrate@{slot}.service"),
            "site": self.seen.shell("cat /etc/nginx/homeport/notes.conf"),
            "dependencies": self.seen.shell(f"readlink -f /srv/notes/slots/{slot}/.venv"),
            "workers": self.seen.shell(f"pgrep -c -P $(systemctl show -P MainPID notes@{slot}) -f spawn_main || true"),
        }


@pytest.fixture(scope="module")
def stage(lab: Lab, tmp_path_factory: pytest.TempPathFactory, seasoned: Seasoned) -> Iterator[Stage]:
    host = seasoned.add("back")
    project = Project.create(tmp_path_factory.mktemp("back") / "project", lab, "notes")
    stage = Stage(project, host, Seen(lab, host))
    settle_data(project, watch_seconds=0, migrate_on="back")
    stage.deploy("one", environment={"GREETING": "one"}, workers=2)
    stage.deploy("two", environment={"GREETING": "two", "X_MORE": "yes"}, workers=1, client_max_body_megabytes=20)
    project.write("migrations/versions/0003_later.py", MIGRATION)
    stage.deploy("three", environment={"GREETING": "three"})
    yield stage
    lab.remove(host.name)


@contextmanager
def cut_off(stage: Stage) -> Iterator[None]:
    """Have the host reach no registry, no name server and nothing beyond its own network; no source is at hand."""
    stage.seen.shell("cp /etc/hosts /run/hosts && echo 127.0.0.1 cache.lab.test >>/etc/hosts")
    stage.seen.shell("mount --bind /dev/null /etc/resolv.conf")
    stage.seen.shell("ip route save default >/run/route && ip route del default")
    assert stage.seen.shell("curl -s -m 5 http://cache.lab.test:3142/ || echo cut off") == "cut off"
    app = stage.project.app.rename(stage.project.folder / "away")
    try:
        yield
    finally:
        app.rename(stage.project.folder / "app")
        stage.seen.shell("ip route restore </run/route; umount /etc/resolv.conf; cat /run/hosts >/etc/hosts")


def test_migrations_in_between_are_named_and_refused_without_a_yes(stage: Stage) -> None:
    result = stage.project.pyinfra(stage.host.name, "-y", release="previous")
    line = refusal(result, 1)
    assert "does not undo migrations" in line
    assert "0003 A table that nobody reads yet." in line
    assert "0002" not in line
    assert "--yes" in line
    assert stage.live() == stage.ids["three"]


def test_a_rollback_that_is_only_planned_changes_nothing(stage: Stage) -> None:
    before = stage.seen.shell("cat /srv/notes/releases.jsonl")
    result = stage.project.pyinfra(stage.host.name, "--dry", release="previous", accept_migrations="true")
    assert result.returncode == 0, result.stdout
    assert f"start release {stage.ids['two']} again" in result.stdout
    assert stage.seen.shell("cat /srv/notes/releases.jsonl") == before


def test_a_rollback_that_failed_may_be_tried_again(stage: Stage) -> None:
    """The release before was good; that it did not start this once (a busy machine, say) takes nothing from it."""
    stage.seen.shell("mkdir -p /run/systemd/system/notes@.service.d")
    stage.seen.shell("printf '[Service]\\nExecStartPre=/bin/false\\n' >/run/systemd/system/notes@.service.d/no.conf")
    stage.seen.shell("systemctl daemon-reload")
    try:
        refusal(homeport(stage.project, *ROLLBACK, "--yes"), 1)
    finally:
        stage.seen.shell("rm -r /run/systemd/system/notes@.service.d && systemctl daemon-reload")
    assert stage.live() == stage.ids["three"]
    shown = json.loads(homeport(stage.project, "releases", "lab", "--limit", "back", "--json").stdout)[0]
    assert (shown["previous"], {one["id"]: one["state"] for one in shown["releases"]}[stage.ids["two"]]) == (
        stage.ids["two"],
        "good",
    )


def test_with_the_registries_cut_off_all_of_the_release_is_back_as_it_was(stage: Stage) -> None:
    with cut_off(stage):
        result = homeport(stage.project, *ROLLBACK, "--yes")
    assert result.returncode == 0, result.stdout
    assert "0003 A table that nobody reads yet." in result.stdout
    assert stage.live() == stage.ids["two"]
    assert stage.as_it_is() == stage.copies["two"]
    assert stage.copies["two"]["site"] != stage.copies["one"]["site"]
    last = [json.loads(line) for line in stage.seen.shell("tail -n 2 /srv/notes/releases.jsonl").splitlines()]
    assert [(one["event"], one["release"]) for one in last] == [
        ("rolled-back", stage.ids["three"]),
        ("live", stage.ids["two"]),
    ]
    assert all("@" in one["by"] for one in last)


def test_a_second_rollback_goes_one_further_back_and_never_to_a_bad_one(stage: Stage) -> None:
    good = (stage.project.app / "main.py").read_text()
    stage.project.write("main.py", "import no_such_module\n")
    assert stage.project.deploy(stage.host).returncode == 1
    stage.project.write("main.py", good)
    [bad] = stage.seen.shell("grep -h '\"failed\"' /srv/notes/releases.jsonl | tail -n 1").splitlines()
    assert "has failed here" in refusal(
        homeport(stage.project, *ROLLBACK, "--yes", "--to", json.loads(bad)["release"]), 1
    )
    result = homeport(stage.project, *ROLLBACK, "--yes")
    assert result.returncode == 0, result.stdout
    assert stage.live() == stage.ids["one"]
    assert stage.as_it_is() == stage.copies["one"]


def test_a_rollback_ends_at_the_oldest_release(stage: Stage) -> None:
    listed = {
        one["id"]: one
        for one in json.loads(homeport(stage.project, "releases", "lab", "--limit", "back", "--json").stdout)[0][
            "releases"
        ]
    }
    assert {name: listed[release]["state"] for name, release in stage.ids.items()} == {
        "one": "live",
        "two": "rolled-back",
        "three": "rolled-back",
    }
    assert "no good release before" in refusal(homeport(stage.project, *ROLLBACK, "--yes"), 1)
    assert "there is no release 000000000000" in refusal(
        homeport(stage.project, *ROLLBACK, "--yes", "--to", "000000000000"), 1
    )


def test_a_named_release_is_gone_to_through_pyinfra_and_its_newer_migrations_need_no_yes(stage: Stage) -> None:
    result = stage.project.pyinfra(stage.host.name, "-y", release=f'"{stage.ids["three"]}"')
    assert result.returncode == 0, result.stdout
    assert stage.live() == stage.ids["three"]
    assert stage.as_it_is() == stage.copies["three"]
    again = stage.project.pyinfra(stage.host.name, "-y", release=f'"{stage.ids["three"]}"')
    assert again.returncode == 0
    assert again.stdout.count("No changes") == 2


def test_a_deploy_after_a_rollback_goes_on_as_ever(stage: Stage) -> None:
    stage.deploy("four")
    assert stage.seen.answers()
    assert stage.live() not in (stage.ids["one"], stage.ids["two"], stage.ids["three"])


def test_an_older_commit_goes_live_and_a_branch_whose_migration_was_never_run_does_not(stage: Stage) -> None:
    stage.project.git("rm", "-q", "migrations/versions/0003_later.py")
    stage.deploy("an older commit")
    log = f"/etc/homeport/notes/releases/{stage.ids['an older commit']}/migration.log"
    assert "has all of its migrations: left alone" in stage.seen.shell(f"cat {log}")
    # The machine starts with it too, also when nothing else is left of the release that has the database's migration.
    stage.seen.shell(f"mv /srv/notes/releases/{stage.ids['four']} /srv/notes/four")
    stage.seen.shell(f"systemctl restart notes@{stage.slot()}")
    assert stage.seen.answers()
    stage.seen.shell(f"mv /srv/notes/four /srv/notes/releases/{stage.ids['four']}")
    other = MIGRATION.replace("0003", "other3").replace("later", "other")
    stage.project.write("migrations/versions/other3.py", other)
    line = refusal(stage.project.deploy(stage.host), 1)
    assert "the database is at 0003, and other3 of this release was never run on it" in line
    assert stage.live() == stage.ids["an older commit"]
    assert stage.seen.answers()
