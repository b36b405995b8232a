"""What is exported of an inventory: `python -m homeport.entries.export INVENTORY OPTIONS`.

A process of its own, because pyinfra, which reads inventories and group data, patches the interpreter. OPTIONS is a
JSON object with `engine`, `target`, `builder`, `folder` ("" for where the files belong) and `limit`. Prints one line of
JSON: folder, files, warnings, the commands that follow (`first` in the project's folder, `next` in that of the files),
what the `image` is that is built of them, and the values of secrets, with the folder for them, where `secrets` asks.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyinfra_cli  # noqa: F401 - first: it patches the interpreter  # isort: skip

from homeport.errors import EXIT_USAGE, UsageError
from homeport.exports.engines import ENGINES, Engine, File
from homeport.exports.engines.container import base_image, build_secrets, untracked
from homeport.exports.engines.table import refusals
from homeport.exports.reading import Exported, read_subject, refuse_secrets
from homeport.inventory.hosts import hosts
from homeport.secrets.loading import load_secrets
from homeport.settings import Settings
from homeport.settings.loading import SettingsError, load


def main(inventory: str, options: dict[str, Any]) -> None:
    """Print what is exported; raise UsageError for settings, a source or secrets that are wrong."""
    engine, settings = ENGINES[options["engine"]], _settings(inventory, tuple(options["limit"]))
    refused = [
        UsageError(
            f"homeport export {engine.name} does not support it: {why}", key=name, fix="unset it for this export"
        )
        for name, why in refusals(engine.name, settings)
    ]
    if refused:
        raise SettingsError(tuple(refused))
    folder = Path(options["folder"]).resolve() if options["folder"] else None
    found = read_subject(settings, Path.cwd(), engine, options["target"], options["builder"], folder)
    _check(engine, found)
    if options["secrets"]:
        refuse_secrets(found)
    files = engine.files(found.subject)
    print(
        json.dumps(
            {
                "folder": str(found.folder),
                "secrets_folder": str(found.secrets_folder),
                "record": engine.record,
                "files": {path: [one.text, one.executable] for path, one in files.items()},
                "warnings": list(found.warnings),
                "first": list(engine.first_steps(found.subject)),
                "next": list(engine.next_steps(found.subject)),
                "image": _image(found, files),
                "secrets": load_secrets(settings, Path.cwd()).application if options["secrets"] else None,
            }
        )
    )


def _image(found: Exported, files: Mapping[str, File]) -> dict[str, object]:
    """Return what the image is that is built of these files."""
    assert found.source is not None  # noqa: S101 - for the type checker
    return {
        "name": found.subject.image,
        "base": base_image(found.subject),
        "release": found.release(files),
        "commit": found.source.commit,
        "dirty": found.source.dirty,
        "folder": str(found.application),
        "secrets": list(build_secrets(found.subject.settings)),
        "built": list(untracked(found.subject.settings)),
        "platforms": list(found.subject.settings.platforms),
        "committed": found.committed,
    }


def _settings(inventory: str, limits: tuple[str, ...]) -> Settings:
    """Return the settings of the inventory's hosts, which have to be the same: there is one export."""
    chosen = hosts(inventory, limits)
    if not chosen:
        raise UsageError("no host is selected", key="--limit", fix="see the names in the inventory")
    loaded = [load(host.data.dict(), host.name) for host in chosen]
    for host, one in zip(chosen, loaded, strict=True):
        if differing := _differing(loaded[0], one):
            problem = (
                f"{host.name} has another {differing[0]} than {chosen[0].name}, and an export is made for one host"
            )
            raise UsageError(problem, key=differing[0], fix="name one of them with --limit")
    return loaded[0]


def _differing(one: Settings, other: Settings) -> list[str]:
    return [name for name in Settings.model_fields if getattr(one, name) != getattr(other, name)]


def _check(engine: Engine, found: Exported) -> None:
    problems: Iterable[tuple[str, str, str]] = engine.problems(found.subject)
    errors = tuple(UsageError(problem, key=key, fix=fix) for key, problem, fix in problems)
    if errors:
        raise SettingsError(errors)


if __name__ == "__main__":
    try:
        main(sys.argv[1], json.loads(sys.argv[2]))
    except UsageError as error:
        for line in error.line().splitlines():
            print(f"error: {line}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None
