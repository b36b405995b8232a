"""Writes a project for what was found in a repository: renders its files, and puts down those that are not there yet.

Nothing that exists is ever changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from homeport.controller.folders import PACKAGE, PROJECT_FILES
from homeport.scaffold.looking import Findings
from homeport.scaffold.pins import pins
from homeport.scaffold.values import other_settings, values

TEMPLATES = PACKAGE / "scaffold" / "files"
# The same in every project.
COMMON = ("deploy.py", "config.py", "inventories/lab.py")
OWN = (".gitattributes", ".gitignore", "group_data/all.py", "group_data/lab.py", "group_data/production.py")
Forge = Literal["github", "gitlab"]
EXAMPLE_HOST = "web1.example.com"
EXAMPLE_USER = "debian"


@dataclass(frozen=True)
class Machine:
    """How a machine is reached."""

    address: str
    user: str = EXAMPLE_USER


@dataclass(frozen=True)
class Plan:
    """What is to be written: for what was found, into the folder `project`, with what the user has said himself."""

    findings: Findings
    project: Path
    domain: str
    machines: Sequence[Machine]
    ci: Forge | None = None


def render(plan: Plan) -> dict[Path, str]:
    """Return the text of every file of the project, by its path."""
    common = {plan.project / name: (PROJECT_FILES / name).read_text() for name in COMMON}
    own = {plan.project / name: _rendered(name, plan) for name in (*OWN, "inventories/production.py")}
    return {**common, **own, **dict(_pipeline(plan))}


def write(files: Mapping[Path, str]) -> Iterator[tuple[Path, bool]]:
    """Write the files that are not there; yield each path, and whether it was written."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError:
            yield path, False
        else:
            yield path, True


def settings_of(plan: Plan) -> list[tuple[str, str, str]]:
    """Return name, value as Python has it, and remark of each setting of group_data/all.py."""
    return values(plan.findings, os.path.relpath(plan.findings.place, plan.project))


def include_line(plan: Plan) -> str:
    """Return the line that has GitLab read the pipeline, for a .gitlab-ci.yml that is there already."""
    return f"include: [{{local: {_from_root(plan, 'gitlab-ci.yml')}}}]"


def _pipeline(plan: Plan) -> Iterator[tuple[Path, str]]:
    if plan.ci is None:
        return
    for name in ("ci.sh", "requirements.txt"):
        yield plan.project / name, _rendered(name, plan)
    root = plan.findings.repository
    if plan.ci == "github":
        one = "homeport" if plan.findings.place == root else f"homeport-{plan.findings.app_name}"
        yield root / ".github" / "workflows" / f"{one}.yml", _rendered("github.yml", plan)
    else:
        yield plan.project / "gitlab-ci.yml", _rendered("gitlab-ci.yml", plan)
        yield root / ".gitlab-ci.yml", f"{include_line(plan)}\n"


def _rendered(name: str, plan: Plan) -> str:
    jinja = Environment(
        # Other marks than usual: pipelines have {{ }} of their own.
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - source code, not HTML
    )
    found = plan.findings
    settled = settings_of(plan)
    return jinja.get_template(f"{name.replace('.git', 'git')}.j2").render(
        found=found,
        plan=plan,
        values=settled,
        others=other_settings(name for name, _, _ in settled),
        pins=pins(),
        script=_from_root(plan, "ci.sh"),
        log=_from_root(plan, "homeport.log"),
        several="" if found.place == found.repository else f" {found.app_name}",
    )


def _from_root(plan: Plan, name: str) -> str:
    return (plan.project / name).relative_to(plan.findings.repository).as_posix()
