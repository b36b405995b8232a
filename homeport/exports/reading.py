"""From the settings of an inventory to the input of an engine: source, names of secrets, and the application's folder.

The working tree is exported, since a build uses it. Only the names of secrets are read.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from configparser import Error as ConfigError
from configparser import RawConfigParser
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from homeport.controller.folders import TEMPLATES
from homeport.errors import UsageError
from homeport.exports.dockerignore import Ignored
from homeport.exports.engines import Builder, Code, Engine, File, Subject
from homeport.exports.engines.container import dockerignore, untracked
from homeport.exports.ignored import below
from homeport.exports.left_out import left_out, warnings
from homeport.exports.writing import SECRETS
from homeport.secrets.loading import load_secrets
from homeport.secrets.passwords import SHORTEST
from homeport.service.describe import describe
from homeport.settings import Settings
from homeport.source import Source, python_version, read_source
from homeport.source.dependencies import Dependencies
from homeport.source.exporting import exported
from homeport.source.install_inputs import install_inputs, made_from
from homeport.source.own_package import OwnFile
from homeport.source.release_id import content_id, release_id
from homeport.source.required_variables import variables_of
from homeport.source.resolved_versions import resolved
from homeport.source.state_places import state_places
from homeport.source.tree import Tree, find_tree
from homeport.source.tree_contents import OWN_FOLDER, some
from homeport.source.uv_lock import read_toml, table
from homeport.steps.context import Context

# In place of a secret that a pipeline has and this machine does not have.
NOT_HERE = "-"


@dataclass(frozen=True)
class Exported:
    """What is exported, where its files belong, and the notes about it, a line each.

    An image is built from `application`; `not_in_image` has the lines of its .dockerignore. Values of secrets are
    written below `secrets_folder`. `source` is what was read, of which a pushed image is tagged by its release.
    """

    subject: Subject
    folder: Path
    warnings: tuple[str, ...]
    application: Path
    not_in_image: tuple[str, ...]
    secrets_folder: Path
    source: Source | None = None

    @property
    def committed(self) -> str:
        """When the commit that is exported was made, in seconds since the epoch; "" without one."""
        content = self.source.content if self.source else None
        if content is None or self.source is None or not self.source.commit:
            return ""
        return content.repository.attempt("log", "-1", "--format=%ct", self.source.commit) or ""

    def release(self, files: Mapping[str, File]) -> str:
        """Return the id of the release that an image is: of code, dependencies, and the files that it is built by."""
        assert self.source is not None  # noqa: S101 - for the type checker
        by = content_id(*(part for path, one in sorted(files.items()) for part in (path, one.text)))
        dependencies = self.source.dependencies.digest
        return release_id(tree=self.source.tree, dependencies_digest=dependencies, configuration_digest=by)


def read_subject(
    settings: Settings, project: Path, engine: Engine, target: str, builder: Builder, folder: Path | None
) -> Exported:
    """Return the input of `engine` for these settings; `folder` is where its files go (None: where they belong).

    Raises UsageError for a source or for secrets that are wrong.
    """
    project = project.resolve()
    settings = settings.model_copy(update={"app_ref": "HEAD", "allow_dirty": True})
    names, installation = _secrets(settings, project)
    source = exported(read_source(settings, project))
    source = resolved(source, project, settings.app_name, installation, upgrade=False)
    application = _application_folder(source)
    place = folder or (application if engine.beside == "application" else project / "exports" / engine.name)
    subject = _subject(settings, source, project, names, application)
    context = os.path.relpath(application, place)
    lines = tuple(dockerignore(subject).splitlines())
    said = [*source.warnings, *engine.warnings(subject)]
    if engine.beside == "application":
        # What a build makes is ignored by git, and meant to be there.
        built = [f"!{path}" for path in untracked(settings)]
        said += _of_application(source, place, application, tuple(one for one in lines if one not in built))
        said += _not_there(settings, source, (*settings.environment, *names), lines)
    subject = replace(subject, target=target, builder=builder, context=context)
    return Exported(subject, place, tuple(said), application, lines, place / engine.secrets_folder(subject), source)


def refuse_secrets(found: Exported) -> None:
    """Raise UsageError where the values of secrets would be written into what an image is built from."""
    for folder in below([str(found.secrets_folder / SECRETS)], str(found.application)):
        if f"{folder}/NAME" not in Ignored(found.not_in_image):
            problem = (
                f"{found.secrets_folder / SECRETS} lies in the application's folder, so an image would have the secrets"
            )
            fix = "leave --output out, or name a folder outside of it"
            raise UsageError(problem, key="--secrets", fix=fix)


def _subject(settings: Settings, source: Source, project: Path, names: tuple[str, ...], application: Path) -> Subject:
    overrides = project / "overrides"
    context = Context(settings, source, dict.fromkeys(names, ""), overrides=overrides if overrides.is_dir() else None)
    workers = settings.workers if isinstance(settings.workers, int) else 1
    service = describe(context, "of this image", workers)
    memory = settings.memory_max_megabytes
    limits = replace(service.limits, memory_max_megabytes=memory if isinstance(memory, int) else None)
    code = _code(settings, source, project, application)
    return Subject(settings, replace(service, limits=limits), code, "", context.render)


def _secrets(settings: Settings, project: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the names of the application's secrets, and those values of the installation's that are here.

    Versions that an application leaves open are looked for with the latter; what a pipeline would give need not be
    there.
    """
    named = (*settings.secrets_from_environment, *settings.install_secrets)
    given = {name: os.environ.get(name) or NOT_HERE for name in named}
    # No proxy of homeport's stands there, which the passwords would be for.
    given |= dict.fromkeys(settings.basic_auth.values(), NOT_HERE * SHORTEST)
    found = load_secrets(settings, project, environment=given)
    here = {name: value for name, value in found.installation.items() if value != NOT_HERE}
    return tuple(sorted(found.application)), here


def _of_application(source: Source, place: Path, application: Path, lines: tuple[str, ...]) -> Iterator[str]:
    assert source.content is not None  # noqa: S101 - for the type checker
    if place != application:
        yield f"a build needs these files in {application}"
    yield from warnings(source.content.repository, source.content.folder, application, lines)


def _not_there(settings: Settings, source: Source, given: Collection[str], lines: tuple[str, ...]) -> Iterator[str]:
    """Yield what an image is not told of the application: the values of a `.env`, and which Python it is for."""
    assert source.content is not None  # noqa: S101 - for the type checker
    tree = find_tree(source.content.repository, source.content.root, source.content.folder, "in the working tree")
    if ".env" in tree.paths() and ".env" in Ignored(lines):
        unset = [name for name in variables_of(tree.read(".env") or "") if name not in given]
        if unset:
            yield f".env is committed, and no image has it: set {some(unset)} in environment, or in the secrets"
    if _asked(settings, tree) is None:
        yield (
            f"nothing says which Python the application is for, so the image has {_python(settings, tree)}, for which "
            "pinned versions may have no wheels: python_version sets another"
        )


def _application_folder(source: Source) -> Path:
    assert source.content is not None  # noqa: S101 - for the type checker
    repository = source.content.repository
    if repository.bare:
        problem = f"the repository at {repository.path} has no working tree that an image could be built from"
        raise UsageError(problem, key="app_source", fix="git clone it and set app_source to the clone")
    return repository.path.resolve() / source.content.folder


def _code(settings: Settings, source: Source, project: Path, application: Path) -> Code:
    assert source.content is not None  # noqa: S101 - for the type checker
    content, found = source.content, source.dependencies
    _check_dependencies(found)
    tree = find_tree(content.repository, content.root, content.folder, "in the working tree")
    ignored, never = left_out(settings, tree, project, application)
    state = state_places(settings, source)
    return Code(
        python=_python(settings, tree),
        install=found.install,
        inputs=install_inputs(found, tree.paths(), tree.read),
        own_inputs=tuple(sorted({_name(one) for one in found.files})),
        made_from=made_from(found, tree.paths()),
        own_files=tuple(_lasting(one, source.tree) for one in (*source.own.files, *found.files)),
        ignored=ignored,
        never=tuple(never),
        tools=_tools(),
        database=_database(tree.read("alembic.ini") or ""),
        state_folders=state.folders,
        state_files=state.files,
    )


def _name(one: OwnFile) -> str:
    """Return the file, or the folder with it, as it is called in our own folder."""
    return one.path.removeprefix(f"{OWN_FOLDER}/").partition("/")[0]


def _check_dependencies(found: Dependencies) -> None:
    """Raise UsageError for dependencies that a release contains and an image does not (yet)."""
    if beside := [one.place for one in found.packages if one.place.split("/")[0] == ".."]:
        problem = f"an image is built from the application's folder, and it needs {beside[0]}"
        raise UsageError(problem, key="app_source", fix="deploy it to machines, or move it into that folder")


def _python(settings: Settings, tree: Tree) -> str:
    """Return the Python of the image: the setting, or the pinned one, or the newest of Debian's that is allowed."""
    return _asked(settings, tree) or max(python_version.DEBIANS.values(), key=lambda one: int(one.partition(".")[2]))


def _asked(settings: Settings, tree: Tree) -> str | None:
    """Return the Python that something asks for, the newest of Debian's where that is allowed; None for no word."""
    pyproject = read_toml("pyproject.toml", tree.read("pyproject.toml") or "")
    required = str(table("pyproject.toml", pyproject, "project").get("requires-python", ""))
    pinned = python_version.pinned_python(tree.read(".python-version") or "")
    newest = max(python_version.DEBIANS.values(), key=lambda one: int(one.partition(".")[2]))
    own = newest if python_version.allows(required, newest) else python_version.suggest(required)
    return settings.python_version or pinned or (own if required else None)


def _database(ini: str) -> str:
    """Return the URL of the database that alembic.ini has; "" for none, or for a file that nobody can read."""
    found = RawConfigParser(strict=False)
    with suppress(ConfigError):
        found.read_string(ini)
    return found.get("alembic", "sqlalchemy.url", fallback="")


def _lasting(one: OwnFile, tree: str) -> OwnFile:
    """Return a file of our own without the tree in a version that a build alone would know: each commit has another."""
    mark = f"+{tree[:12]}"
    return replace(one, path=one.path.replace(mark, ""), text=one.text.replace(mark, ""))


def _tools() -> str:
    """Return uv's lines, with hashes, of the lock that machines get."""
    lines = (TEMPLATES / "tools" / "requirements.txt").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("uv=="))
    found = [lines[start]]
    for line in lines[start + 1 :]:
        if not line.startswith(" "):
            break
        found.append(line)
    return "".join(f"{line}\n" for line in found)
