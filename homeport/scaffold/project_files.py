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
from homeport.scaffold.inspection import Inspection
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
class TargetMachine:
    """How a machine is reached."""

    address: str
    user: str = EXAMPLE_USER


@dataclass(frozen=True)
class NewProject:
    """The files to write: for the result of the inspection, into the folder `project`, with the user's own options."""

    inspection: Inspection
    project: Path
    domain: str
    machines: Sequence[TargetMachine]
    ci: Forge | None = None


def render(new_project: NewProject) -> dict[Path, str]:
    """Return the text of every file of the project, by its path."""
    common = {new_project.project / name: (PROJECT_FILES / name).read_text() for name in COMMON}
    own = {new_project.project / name: _rendered(name, new_project) for name in (*OWN, "inventories/production.py")}
    return {**common, **own, **dict(_pipeline(new_project))}


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


def settings_of(new_project: NewProject) -> list[tuple[str, str, str]]:
    """Return name, value as Python has it, and remark of each setting of group_data/all.py."""
    return values(new_project.inspection, os.path.relpath(new_project.inspection.place, new_project.project))


def include_line(new_project: NewProject) -> str:
    """Return the line that has GitLab read the pipeline, for a .gitlab-ci.yml that is there already."""
    return f"include: [{{local: {_from_root(new_project, 'gitlab-ci.yml')}}}]"


def _pipeline(new_project: NewProject) -> Iterator[tuple[Path, str]]:
    if new_project.ci is None:
        return
    for name in ("ci.sh", "requirements.txt"):
        yield new_project.project / name, _rendered(name, new_project)
    root = new_project.inspection.repository
    if new_project.ci == "github":
        one = "homeport" if new_project.inspection.place == root else f"homeport-{new_project.inspection.app_name}"
        workflows = root / ".github" / "workflows"
        yield workflows / f"{one}.yml", _rendered("github.yml", new_project)
        yield workflows / f"{one}-previews.yml", _rendered("github-previews.yml", new_project)
    elif new_project.ci == "gitlab":
        yield new_project.project / "gitlab-ci.yml", _rendered("gitlab-ci.yml", new_project)
        yield root / ".gitlab-ci.yml", f"{include_line(new_project)}\n"


def _rendered(name: str, new_project: NewProject) -> str:
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
    found = new_project.inspection
    settled = settings_of(new_project)
    return jinja.get_template(f"{name.replace('.git', 'git')}.j2").render(
        found=found,
        plan=new_project,
        values=settled,
        others=other_settings(name for name, _, _ in settled),
        pins=pins(),
        script=_from_root(new_project, "ci.sh"),
        log=_from_root(new_project, "homeport.log"),
        several="" if found.place == found.repository else f" {found.app_name}",
    )


def _from_root(new_project: NewProject, name: str) -> str:
    return (new_project.project / name).relative_to(new_project.inspection.repository).as_posix()
