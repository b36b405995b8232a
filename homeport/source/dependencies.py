"""Which dependencies a release has, how uv installs them on the host, and what their environment's name is. Pure."""

from __future__ import annotations

from dataclasses import replace

from homeport.errors import UsageError
from homeport.settings.server import check_pins
from homeport.source import open_versions, python_version
from homeport.source.application import COPIES, INSTALL, Application, Dependencies, environment_name, source_error
from homeport.source.dependency_options import DependencyOptions, check_names, refuse_names
from homeport.source.exports import python_required
from homeport.source.locked import from_lock, from_workspace
from homeport.source.open_versions import RESOLVED, all_are_hashed
from homeport.source.other_locks import from_other_lock, from_poetry
from homeport.source.own_package import OwnFile
from homeport.source.package_sources import check_without_lock
from homeport.source.release_id import content_id
from homeport.source.requirements import inside, read_requirements
from homeport.source.requirements_install import WRITTEN, Plan, plan_requirements, plan_setup
from homeport.source.tree_contents import folders

__all__ = ["Application", "Dependencies", "after_export", "decide_dependencies", "resolved_to"]


def decide_dependencies(application: Application, options: DependencyOptions) -> Dependencies:
    """Return the dependencies of an application: by the file that the settings name, or by the first that is found.

    The order: uv.lock, requirements.txt, the lock of its uv workspace, pyproject.toml, setup.py.

    Raises UsageError when there is none of them, when something that they name is not in the release, when they
    certainly cannot run the server, and when no supported system has a Python that they allow.
    """
    if options.file:
        found = _from_file(application, options)
    elif {"uv.lock", "pyproject.toml"} <= application.files:
        found = from_lock(application, options)
    elif "requirements.txt" in application.files:
        found = _from_requirements(application, options, "requirements.txt")
    elif application.workspace and "pyproject.toml" in application.files:
        found = from_workspace(application, application.workspace, options)
    else:
        found = _from_project(application, options)
    return _with_python(found, application, options)


def _from_file(application: Application, options: DependencyOptions) -> Dependencies:
    """Return the dependencies by the setting `requirements_file`."""
    path = inside(options.file, "requirements_file", application.view.depth)
    if application.read_anywhere(path) is None:
        problem = f"no file {options.file}, seen from the application's folder, {application.place}"
        raise UsageError(problem, key="requirements_file", fix="set it to the requirements file, or unset it")
    return _from_requirements(application, options, path)


def _from_project(application: Application, options: DependencyOptions) -> Dependencies:
    found = from_other_lock(application, options)
    if found:
        return found
    if "pyproject.toml" in application.files and application.pyproject("project"):
        return _from_pyproject(application, options)
    if application.pyproject("tool", "poetry", "dependencies"):
        return from_poetry(application, options)
    plan = plan_setup(application.view)
    if plan:
        refuse_names(options, "setup.py")
        return _planned(application, options, plan, plan.parts())
    if "pyproject.toml" in application.files:
        return _from_pyproject(application, options)
    raise source_error(
        f"no uv.lock, requirements.txt, pyproject.toml or setup.py {application.place}",
        "commit one (uv init --bare && uv add 'fastapi[standard]'), set requirements_file to a file of another name, "
        "or app_subdirectory to where it is",
    )


def resolved_to(found: Dependencies, text: str) -> Dependencies:
    """Return dependencies that leave versions open with the versions in `text` (a requirements file) in their place."""
    hashes = ("--require-hashes",) if all_are_hashed(text) else ()
    digest = content_id("resolved", found.digest, text)
    install = ((*INSTALL, RESOLVED, *COPIES, *hashes),)
    return replace(found, digest=digest, install=install, files=(*found.files, OwnFile(RESOLVED, text)))


def after_export(found: Dependencies, text: str) -> Dependencies:
    """Return dependencies whose `export` gave the requirements in `text`: installed, or, without a lock, left open."""
    if found.open_versions is None:
        return resolved_to(found, text)
    asked = read_requirements(WRITTEN, {WRITTEN: text}.get)
    names = tuple(sorted(asked.names))
    left = replace(found.open_versions, names=names, asked=(*found.open_versions.asked, text))
    install = ((*INSTALL, WRITTEN, *COPIES),)
    digest = content_id("exported", found.digest, text)
    files = (*found.files, OwnFile(WRITTEN, text))
    return replace(found, digest=digest, install=install, files=files, open_versions=left)


def _with_python(found: Dependencies, application: Application, options: DependencyOptions) -> Dependencies:
    """Return the dependencies with the warnings about the Python; raise UsageError when no Python is suitable."""
    required = str(application.pyproject("project").get("requires-python", ""))
    required = required or python_required(application.pyproject("tool", "poetry"))
    insists = required if found.kind in ("uv-lock", "poetry-lock") else ""
    wrong = python_version.refusal(insists, options.python_version)
    if wrong:
        raise UsageError(wrong, key="python_version", fix=python_version.fix(required))
    pinned = python_version.pinned_python(application.read(".python-version") or "")
    said = python_version.warnings(required, pinned, options.python_version)
    floors, uv = python_version.floors(required, options.python_version), application.pyproject("tool", "uv")
    left = found.open_versions and found.open_versions.under(floors, application.read("uv.toml") or "", uv)
    return replace(found, warnings=(*found.warnings, *said), requires_python=insists, open_versions=left)


def _from_requirements(application: Application, options: DependencyOptions, path: str) -> Dependencies:
    view = application.view
    refuse_names(options, path)
    found = read_requirements(path, application.read_anywhere, view.depth)
    present = application.files | folders(application.files) | {"."}
    for place in [one.path for one in found.local if not one.editable] + found.links:
        if place not in present and not view.is_beside(place):
            raise source_error(f"{path} names {place}, which is not in the release", "commit it or remove that line")
    plan = plan_requirements(path, found, view)
    check_pins(options.server, found.names if found.hashed else None, found.versions, path)
    parts = [part for name in sorted(found.contents) for part in (name, found.contents[name])]
    parts += plan.parts() + ([application.tree] if plan.built or found.links else [])
    hashes = ("--require-hashes",) if found.hashed else ()
    return _planned(application, options, plan, parts, hashes)


def _planned(
    application: Application, options: DependencyOptions, plan: Plan, parts: list[str], hashes: tuple[str, ...] = ()
) -> Dependencies:
    digest = environment_name("requirements", application, options, parts)
    install = (*INSTALL, plan.file, *COPIES, *hashes)
    return Dependencies(
        "requirements", digest, (install,), files=plan.files, open_versions=plan.open_versions, packages=plan.packages
    )


def _from_pyproject(application: Application, options: DependencyOptions) -> Dependencies:
    text = application.read("pyproject.toml") or ""
    project = application.pyproject("project")
    if not project:
        raise source_error(
            "pyproject.toml has no [project] table to read dependencies from", "add one, or a requirements.txt"
        )
    if "dependencies" in str(project.get("dynamic", "")):
        raise source_error(
            "the dependencies in pyproject.toml are dynamic, so only a build of the application would tell them",
            "run uv lock and commit uv.lock",
        )
    groups, uv = application.pyproject("dependency-groups"), application.pyproject("tool", "uv")
    check_names(options, project, set(groups))
    wanted = open_versions.wanted_lines(project, groups, options)
    check_without_lock(wanted, application.pyproject(), application.view)
    return Dependencies(
        "pyproject",
        environment_name("pyproject", application, options, [text]),
        ((*INSTALL, "pyproject.toml", *COPIES, *options.options()),),
        open_versions=open_versions.open_in_project(project, uv, groups, options),
    )
