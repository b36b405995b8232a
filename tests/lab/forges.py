"""Pipelines as GitHub and GitLab run them: the conditions of their jobs, and the jobs' steps, exactly as written.

What a forge does itself is played here: which jobs an event starts, which secrets each has, the checkout, a fresh home.
The steps are run by the shells and in the manner that the forges document, by a user without any rights.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

NOBODY = 65534
Job = Mapping[str, Any]
Secrets = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class PipelineResult:
    """How a job ended: the status of the step that failed, or 0; all that it printed; what its summary has."""

    status: int
    output: str
    summary: str = ""


@dataclass
class Runner:
    """A machine of a forge, in a folder that everybody may enter; `variables` are what such a machine has anyway."""

    folder: Path
    repository: Path
    variables: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def place(self, branch: str) -> tuple[Path, dict[str, str]]:
        """Return a shallow checkout of a branch, and a job's environment: a clean home, and nothing of ours."""
        own = self.folder / f"job{next(self.numbers)}"
        for name in ("home", "tmp"):
            (own / name).mkdir(parents=True)
        _give(own)
        trust = self.folder / "gitconfig"
        trust.write_text("[safe]\n\tdirectory = *\n")
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "CI": "true", **self.variables}
        environment |= {"HOME": str(own / "home"), "TMPDIR": str(own / "tmp")}
        clone = [
            "git",
            "clone",
            "-q",
            "--depth",
            "1",
            "--branch",
            branch,
            f"file://{self.repository}",
            str(own / "work"),
        ]
        done = self.run(clone, own, {**environment, "GIT_CONFIG_GLOBAL": str(trust)})
        assert done.returncode == 0, done.stdout
        return own / "work", environment

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as a user without rights; stdout and stderr come together."""
        without_rights = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
        return subprocess.run(
            [*without_rights, *command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )


def _give(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, NOBODY, NOBODY)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a YAML 1.2 document."""
    return dict(YAML(typ="safe", pure=True).load(path.read_text()))


@dataclass(frozen=True)
class GitHub:
    """A repository at GitHub with a workflow; `secrets` are those of its environments."""

    runner: Runner
    workflow: dict[str, Any]
    secrets: Secrets

    def jobs(self, event: str, branch: str = "main", **context: str) -> list[str]:
        """Return the jobs that an event starts; `context` are values like github__repository, and inputs."""
        triggers = self.workflow["on"]
        assert event in triggers
        if event == "push" and branch not in triggers["push"]["branches"]:
            return []
        known = self._context(event, branch, context)
        return [name for name, job in self.workflow["jobs"].items() if _holds(job.get("if", "true"), known)]

    def start(self, event: str, branch: str = "main", **context: str) -> PipelineResult:
        """Run the one job that an event starts, step by step."""
        [name] = self.jobs(event, branch, **context)
        job = self.workflow["jobs"][name]
        known = self._context(event, branch, context)
        known |= {f"secrets.{key}": value for key, value in self.secrets.get(job["environment"], {}).items()}
        assert job["steps"][0]["uses"].startswith("actions/checkout@")
        work, environment = self.runner.place(branch)
        environment |= {"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "octocat"}
        output, summary = "", work.parent / "summary.md"
        for number, step in enumerate(job["steps"][1:]):
            script = work.parent / f"step{number}.sh"
            script.write_text(step["run"])
            summary.touch()
            _give(work.parent)
            given = {key: _filled(str(value), known) for key, value in step.get("env", {}).items()}
            # shell: bash, as GitHub documents it.
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
            done = self.runner.run(command, work, {**environment, **given, "GITHUB_STEP_SUMMARY": str(summary)})
            output += done.stdout
            if done.returncode:
                return PipelineResult(done.returncode, output, summary.read_text())
        return PipelineResult(0, output, summary.read_text())

    def _context(self, event: str, branch: str, context: Mapping[str, str]) -> dict[str, str]:
        here = {"github.repository": "me/shop", "github.event.pull_request.head.repo.full_name": "me/shop"}
        given = {key.replace("__", "."): value for key, value in context.items()}
        return {"github.event_name": event, "github.ref": f"refs/heads/{branch}", **here, **given}


def _filled(text: str, known: Mapping[str, str]) -> str:
    """Return text with its expressions replaced; what is not known is empty, as at GitHub."""
    return re.sub(r"\$\{\{\s*([\w.]+)\s*\}\}", lambda found: known.get(found.group(1), ""), text)


def _holds(condition: str, known: Mapping[str, str]) -> bool:
    """Tell whether a condition holds; it has names, texts, ==, &&, || and brackets alone."""
    pieces = re.split(r"('[^']*')", condition)
    for number in range(0, len(pieces), 2):
        plain = re.sub(r"[a-z_]+(\.[a-z_]+)+", lambda found: repr(known.get(found.group(), "")), pieces[number])
        pieces[number] = plain.replace("&&", " and ").replace("||", " or ").replace("true", "True").replace("\n", " ")
    return bool(eval("".join(pieces), {"__builtins__": {}}))  # noqa: S307 - our own workflow


@dataclass(frozen=True)
class GitLab:
    """A project at GitLab with its pipeline; `files` are the variables of the type File, by environment."""

    runner: Runner
    pipeline: dict[str, Any]
    files: Secrets

    def jobs(self, **variables: str) -> dict[str, bool]:
        """Return the jobs of a pipeline with these predefined variables, and whether somebody has to start each."""
        known = {"CI_DEFAULT_BRANCH": "main", **variables}
        found = {}
        for name, job in self.pipeline.items():
            rule = next((one for one in job.get("rules", ()) if _rule_holds(one["if"], known)), None)
            if rule is not None and rule.get("when") != "never":
                found[name] = rule.get("when") == "manual"
        return found

    def start(self, name: str, branch: str = "main", **variables: str) -> PipelineResult:
        """Run a job: its script in one shell, as the runner does."""
        job = {**self.pipeline[self.pipeline[name]["extends"]], **self.pipeline[name]}
        work, environment = self.runner.place(branch)
        for key, text in self.files.get(job["environment"]["name"], {}).items():
            environment[key] = str(work.parent / key)
            Path(environment[key]).write_text(text)
            Path(environment[key]).chmod(0o600)
        script = work.parent / "script.sh"
        script.write_text("set -eo pipefail\n" + "\n".join(job["script"]))
        _give(work.parent)
        done = self.runner.run(["bash", str(script)], work, {**environment, **variables, "GITLAB_CI": "true"})
        kept = [work / path for path in job.get("artifacts", {}).get("paths", ())]
        return PipelineResult(done.returncode, done.stdout, "".join(path.read_text() for path in kept if path.exists()))


def _rule_holds(condition: str, known: Mapping[str, str]) -> bool:
    return all(_is_equal(one, known) for one in condition.split("&&"))


def _is_equal(condition: str, known: Mapping[str, str]) -> bool:
    left, right = (part.strip() for part in condition.split("=="))
    value = known.get(right[1:], "") if right.startswith("$") else right.strip('"')
    return known.get(left[1:], "") == value


def machine_variables() -> dict[str, str]:
    """Return what a program needs on this machine to reach the package indexes: certificates and their settings."""
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    wanted = (*names, *(name.lower() for name in names))
    return {key: value for key, value in os.environ.items() if key in wanted or key.startswith(("PIP_", "UV_"))}
