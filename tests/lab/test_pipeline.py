"""The pipelines that `homeport init --ci` writes, against the forges' own schemas, and run: their steps as they stand.

A user without rights and with a clean home runs each job in a fresh checkout. One machine, one story, in order.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from homeport.lab import Lab
from homeport.lab.machine import find_command, install
from tests.lab import repositories
from tests.lab.artefacts import keep
from tests.lab.forges import NOBODY, GitHub, GitLab, Runner, machine_variables, read_yaml
from tests.lab.project import REPOSITORY, Seen, until
from tests.lab.seasoned import Seasoned

pytestmark = pytest.mark.lab
BIN = Path(sys.executable).parent


@dataclass
class Team:
    """A repository with a pipeline, those who push to it, and the machine that it deploys to."""

    seen: Seen
    repository: Path
    runner: Runner
    key: str

    @property
    def github(self) -> GitHub:
        workflow = read_yaml(self.repository / ".github" / "workflows" / "homeport.yml")
        secrets = {name: {"SSH_PRIVATE_KEY": self.key} for name in ("production", "production-plan")}
        return GitHub(self.runner, workflow, secrets)

    @property
    def previews(self) -> GitHub:
        workflow = read_yaml(self.repository / ".github" / "workflows" / "homeport-previews.yml")
        return GitHub(self.runner, workflow, {"preview": {"SSH_PRIVATE_KEY": self.key}})

    @property
    def gitlab(self) -> GitLab:
        pipeline = read_yaml(self.repository / "deploy" / "gitlab-ci.yml")
        return GitLab(self.runner, pipeline, {"production": {"SSH_PRIVATE_KEY": self.key}})

    def push(self, branch: str, path: str, old: str, new: str) -> None:
        """Change a file of the repository on a branch, as a commit."""
        if branch != "main":
            repositories.git(self.repository, "checkout", "-q", "-B", branch, "main")
        file = self.repository / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        repositories.commit(self.repository)
        repositories.git(self.repository, "checkout", "-q", "main")

    def release(self) -> str:
        return str(self.seen.get("/health")["release"])


def homeport(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "homeport.cli.main", *words]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """A machine of a forge that has git, ssh-agent, Python and our wheel within reach of pip."""
    if missing := [name for name in ("setpriv", "ssh-agent", "git", "bash") if find_command(name) is None]:
        install([{"setpriv": "util-linux", "ssh-agent": "openssh-client"}.get(name, name) for name in missing])
    if subprocess.run(["/usr/bin/python3", "-c", "import ensurepip"], capture_output=True).returncode:
        install(["python3-venv"])
    # Not below pytest's own folder, which nobody else may enter.
    folder = Path(tempfile.mkdtemp(prefix="homeport-forge-"))
    folder.chmod(0o755)
    try:
        wheels = folder / "wheels"
        build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(wheels), str(REPOSITORY)]
        subprocess.run(build, check=True, capture_output=True)
        variables = machine_variables()
        variables["PIP_FIND_LINKS"] = f"{wheels} {variables.get('PIP_FIND_LINKS', '')}".strip()
        variables["UV_FIND_LINKS"] = str(wheels)
        # Half of what pip does, for modules that are imported once.
        variables["PIP_NO_COMPILE"] = "1"
        yield Runner(folder, folder / "shop", variables)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def team(lab: Lab, seasoned: Seasoned, runner: Runner) -> Iterator[Team]:
    host = seasoned.add("piped")
    repositories.one_file(runner.repository)
    for forge in ("github", "gitlab"):
        homeport(runner.repository, "init", "--ci", forge)
    deploy = runner.repository / "deploy"
    place = deploy / "inventories" / "production.py"
    place.write_text(place.read_text().replace("web1.example.com", host.address).replace("debian", host.user))
    data = deploy / "group_data" / "production.py"
    # The authority is the lab's, as the name is.
    acme = f'acme_directory_url = "{lab.directory.load().acme_directory}"\n'
    data.write_text(data.read_text().replace("shop.example.com", host.domain) + acme)
    homeport(deploy, "trust", "production", "--yes")
    repositories.commit(runner.repository, "deploy it")
    yield Team(Seen(lab, host), runner.repository, runner, lab.directory.key_file.read_text())
    lab.remove(host.name)


@pytest.fixture(scope="module")
def quick(team: Team) -> Team:
    """The same; from here on the runner has uv, which is faster. The first job has shown what is there without."""
    folder, cache = team.runner.folder / "bin", team.runner.folder / "cache"
    for one in (folder, cache):
        one.mkdir()
    shutil.copy(BIN / "uv", folder / "uv")
    shutil.chown(cache, NOBODY, NOBODY)
    team.runner.variables |= {"PATH": f"{folder}:/usr/local/bin:/usr/bin:/bin", "UV_CACHE_DIR": str(cache)}
    return team


def test_the_pipelines_are_what_the_forges_schemas_want(team: Team) -> None:
    for kind, path in (
        ("github-workflows", ".github/workflows/homeport.yml"),
        ("github-workflows", ".github/workflows/homeport-previews.yml"),
        ("gitlab-ci", "deploy/gitlab-ci.yml"),
        ("gitlab-ci", ".gitlab-ci.yml"),
    ):
        command = [str(BIN / "check-jsonschema"), "--builtin-schema", f"vendor.{kind}", str(team.repository / path)]
        done = subprocess.run(command, capture_output=True, text=True)
        keep(f"pipeline-{kind}-{Path(path).stem.strip('.')}.txt", done.stdout + done.stderr)
        assert done.returncode == 0, done.stdout


def test_the_script_of_the_pipelines_is_clean(team: Team) -> None:
    done = subprocess.run([BIN / "shellcheck", team.repository / "deploy" / "ci.sh"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_action_is_pinned_by_digest_and_none_but_the_checkout_is_used(team: Team) -> None:
    texts = [path.read_text() for path in (team.repository / ".github" / "workflows").iterdir()]
    used = [one for text in texts for one in re.findall(r"uses: (\S+)", text)]
    assert len(used) == 5
    assert all(re.fullmatch(r"actions/checkout@[0-9a-f]{40}", one) for one in used)
    # An expression inside a script would be text of somebody else's in our shell.
    for workflow in (team.github.workflow, team.previews.workflow):
        scripts = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
        assert not any("${{" in script for script in scripts)
        assert workflow["permissions"] == {"contents": "read"}


def test_each_event_starts_its_job_and_no_other(team: Team) -> None:
    github, stranger = team.github, {"github__event__pull_request__head__repo__full_name": "stranger/shop"}
    assert github.jobs("pull_request", "change") == ["plan"]
    assert github.jobs("pull_request", "change", **stranger) == []
    assert github.jobs("push") == ["deploy"]
    assert github.jobs("push", "change") == []
    assert github.jobs("schedule") == ["drift"]
    assert github.jobs("workflow_dispatch", inputs__action="deploy") == ["deploy"]
    assert github.jobs("workflow_dispatch", "change", inputs__action="deploy") == []
    assert github.jobs("workflow_dispatch", inputs__action="rollback") == ["rollback"]
    changing = [github.workflow["jobs"][name] for name in ("deploy", "rollback")]
    assert all(job["environment"] == "production" for job in changing)
    assert len({job["concurrency"]["group"] for job in changing}) == 1
    assert not any(job["concurrency"]["cancel-in-progress"] for job in changing)
    assert team.previews.jobs("pull_request", "change") == ["preview"]
    assert team.previews.jobs("pull_request", "change", **stranger) == []
    gitlab = team.gitlab
    merge = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_PROJECT_PATH": "me/shop"}
    own, forks = ({"CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": path} for path in ("me/shop", "stranger/shop"))
    previews = {"homeport preview": False, "homeport preview down": True}
    assert gitlab.jobs(**merge, **own) == {"homeport plan": False, **previews}
    assert gitlab.jobs(**merge, **forks) == {"homeport plan": False}
    assert gitlab.jobs(CI_PIPELINE_SOURCE="push", CI_COMMIT_BRANCH="main") == {
        "homeport deploy": True,
        "homeport rollback": True,
    }
    assert gitlab.jobs(CI_PIPELINE_SOURCE="push", CI_COMMIT_BRANCH="change") == {}
    assert gitlab.jobs(CI_PIPELINE_SOURCE="schedule", CI_COMMIT_BRANCH="main") == {"homeport drift": False}
    assert len({gitlab.pipeline[f"homeport {name}"]["resource_group"] for name in ("deploy", "rollback")}) == 1


def test_a_push_deploys(team: Team) -> None:
    done = team.github.start("push")
    assert done.status == 0, done.output
    assert team.seen.get("/") == {"hello": "world"}
    assert "### homeport deploy production" in done.summary
    assert f"https://{team.seen.host.domain}" in done.summary
    assert '"by": "octocat@' in team.seen.shell("cat /srv/shop/releases.jsonl")
    assert "Certificate: obtain" in done.output
    assert "Certificate: obtain" not in done.summary
    assert team.key.splitlines()[1] not in done.output + done.summary


def test_the_key_is_on_no_disk_and_no_agent_is_left(team: Team) -> None:
    line = team.key.splitlines()[1]
    found = subprocess.run(["grep", "-rlF", line, str(team.runner.folder)], capture_output=True, text=True)
    assert found.stdout == ""
    assert until(lambda: subprocess.run(["pgrep", "-u", str(NOBODY), "ssh-agent"], capture_output=True).returncode == 1)


def test_a_pull_request_has_a_preview_until_it_is_closed(quick: Team) -> None:
    quick.push("feature/Look", "main.py", '"world"', '"look"')
    about = {"github__event__pull_request__head__ref": "feature/Look"}
    done = quick.previews.start("pull_request", "feature/Look", github__event__action="opened", **about)
    assert done.status == 0, done.output
    assert f"https://{quick.seen.host.domain}/preview/feature-look/" in done.summary
    assert quick.seen.get("/preview/feature-look/") == {"hello": "look"}
    assert quick.seen.get("/") == {"hello": "world"}
    done = quick.previews.start("pull_request", "feature/Look", github__event__action="closed", **about)
    assert done.status == 0, done.output
    assert quick.seen.shell("find /etc /srv /var/lib -path '*shop-feature-look*' -print -quit") == ""


def test_nothing_has_drifted_until_somebody_changes_the_machine(quick: Team) -> None:
    done = quick.github.start("schedule")
    assert done.status == 0, done.output
    quick.seen.shell("echo '# by hand' >>/etc/nginx/nginx.conf")
    done = quick.github.start("schedule")
    assert done.status == 3, done.output
    assert "\n-# by hand\n" in done.summary
    assert quick.gitlab.start("homeport drift").status == 3


def test_a_pull_request_is_planned_and_nothing_is_changed(quick: Team) -> None:
    before = quick.release()
    quick.push("change", "main.py", '"world"', '"change"')
    done = quick.github.start("pull_request", "change")
    assert done.status == 0, done.output
    assert "### homeport check production" in done.summary
    assert "### homeport plan production" in done.summary
    assert "-# by hand" in done.summary
    assert quick.release() == before


def test_a_pull_request_with_a_mistake_fails_before_any_machine_is_asked(quick: Team) -> None:
    quick.push("mistake", "deploy/group_data/production.py", "domain = ", "domian = ")
    done = quick.github.start("pull_request", "mistake")
    assert done.status == 2, done.output
    assert "did you mean 'domain'?" in done.output
    assert "### homeport plan" not in done.summary


def test_without_a_key_a_merge_request_is_checked_and_not_planned(quick: Team) -> None:
    done = quick.gitlab.start("homeport plan", "change")
    assert done.status == 0, done.output
    assert "no plan: there is no SSH_PRIVATE_KEY" in done.output
    assert quick.seen.host.domain in done.summary


def test_the_other_forges_job_deploys_the_next_release(quick: Team) -> None:
    before = quick.release()
    quick.push("main", "main.py", '"world"', '"again"')
    done = quick.gitlab.start("homeport deploy")
    assert done.status == 0, done.output
    assert quick.seen.get("/") == {"hello": "again"}
    assert quick.release() != before
    assert "by hand" not in quick.seen.shell("cat /etc/nginx/nginx.conf")


def test_a_rollback_by_hand_goes_back(quick: Team) -> None:
    done = quick.github.start("workflow_dispatch", inputs__action="rollback")
    assert done.status == 0, done.output
    assert quick.seen.get("/") == {"hello": "world"}


def test_a_machine_with_another_host_key_is_not_talked_to(quick: Team) -> None:
    known = "deploy/inventories/known_hosts"
    [line] = (quick.repository / known).read_text().splitlines()
    other = quick.runner.folder / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    kind, key, *_ = other.with_suffix(".pub").read_text().split()
    quick.push("impostor", known, line, f"{line.split()[0]} {kind} {key}")
    done = quick.github.start("pull_request", "impostor")
    assert done.status == 1, done.output
    assert "host key" in done.output.lower()
