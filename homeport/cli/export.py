"""`homeport export`: the settings that run a site, for another ground. Thin; the work is in `homeport.exports`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from homeport.cli.group_data import write_down
from homeport.cli.processes import SIGNALLED, inventory
from homeport.errors import EXIT_FAILED, UsageError
from homeport.exports.engines import ENGINES, File
from homeport.exports.pinning import pinned
from homeport.exports.writing import SAID, compare, write, write_secrets

EXAMPLES = """\b
Examples:
  homeport export --list
  homeport export container production          Dockerfile and .dockerignore, in the application's folder
  homeport export container production --check  in a pipeline: status 1 when they are not what the settings say
  homeport export container production --pin    first pins the base image by its digest, in group_data/production.py
  homeport export container production --push   builds the image, pushes it, and says its digest
"""


@click.command(epilog=EXAMPLES)
@click.argument("engine", required=False)
@click.argument("target", required=False)
@click.option("--limit", multiple=True, metavar="HOST", help="Only the settings of these hosts or groups; repeatable.")
@click.option("--list", "is_list", is_flag=True, help="List the engines and end.")
@click.option("--check", is_flag=True, help="Write nothing; exit status 1 when a file is not as it would be written.")
@click.option("--force", is_flag=True, help="Write over files that were changed by hand, too.")
@click.option("--output", metavar="FOLDER", help="Where the files go.  [default: see the engine]")
@click.option("--secrets", is_flag=True, help="Write the values of the secrets, too, as files that git ignores.")
@click.option(
    "--classic", is_flag=True, help="A Dockerfile for builders without mounts (Docker's own before BuildKit)."
)
@click.option(
    "--pin", is_flag=True, help="First write the digest that the base image has now to the group data of TARGET."
)
@click.option(
    "--push", is_flag=True, help="Build the image of the files that are there, and push it by its release's id."
)
def export(
    engine: str | None,
    target: str | None,
    limit: tuple[str, ...],
    is_list: bool,
    check: bool,
    force: bool,
    output: str | None,
    secrets: bool,
    classic: bool,
    pin: bool,
    push: bool,
) -> None:
    """Write what ENGINE needs to run the application with the settings of TARGET (an inventory).

    The same settings give the same files. A file that was changed by hand is never written over without --force. A
    setting that the engine cannot keep is refused by name: docs/exports.md has a table.
    """
    if is_list:
        click.echo("\n".join(f"{one.name:<11} {one.summary}" for one in ENGINES.values()))
        return
    _known(engine)
    if target is None:
        raise UsageError("it is missing", key="TARGET", fix=f"homeport export {engine} INVENTORY")
    if secrets and engine == "container":
        raise UsageError("secrets must not be in an image", key="--secrets", fix="give them to the running container")
    _check_push(push, alone=engine == "container" and not (output or check or force or pin))
    _check_pin(pin, fits=engine == "container" and not (check or limit))
    options = {"engine": engine, "target": target, "limit": limit, "folder": output or "", "secrets": secrets}
    told = _told(inventory(target), {**options, "builder": "classic" if classic else "buildkit"}, pin=pin)
    files = {path: File(text, executable) for path, (text, executable) in told["files"].items()}
    for line in told["warnings"]:
        click.echo(f"warning: {line}", err=True)
    if push:
        _push(told, files, classic=classic)
        return
    if check:
        raise SystemExit(_check(Path(told["folder"]), files, told["record"]))
    _write(told, files, force=force)
    _write_secrets(told)


def _write_secrets(told: dict[str, Any]) -> None:
    if told["secrets"]:
        folder = write_secrets(Path(told["secrets_folder"]), told["secrets"])
        click.echo(f"\n{os.path.relpath(folder)} has the values of {len(told['secrets'])} secrets: keep it out of git")
    elif told["secrets"] is not None:
        click.echo("\nThe application has no secrets (secrets_file, secrets_from_environment): none are written")


def _known(engine: str | None) -> None:
    if engine in ENGINES:
        return
    there = f"choose one of: {', '.join(ENGINES)}"
    if engine is None:
        raise UsageError("it is missing", key="ENGINE", fix=there)
    near = get_close_matches(engine, ENGINES, n=1)
    raise UsageError(f"there is no engine {engine}", key="ENGINE", fix=f"did you mean {near[0]}?" if near else there)


def _check_push(push: bool, *, alone: bool) -> None:
    if push and not alone:
        problem = "it builds the image of the files in the application's folder"
        raise UsageError(problem, key="--push", fix="homeport export container INVENTORY --push, and no other option")


def _pin(base: str, inventory_file: str) -> None:
    line = f'base_image = "{pinned(base)}"'
    place = Path("group_data") / f"{Path(inventory_file).stem}.py"
    write_down(place, line)
    click.echo(f"wrote {line} to {place}")


def _check_pin(pin: bool, *, fits: bool) -> None:
    if pin and not fits:
        fix = "homeport export container INVENTORY --pin"
        raise UsageError("it is for the image of a whole inventory, and writes", key="--pin", fix=fix)


def _check(folder: Path, files: dict[str, File], record: str) -> int:
    differing = compare(folder, files, record).differing
    for path, state in differing.items():
        click.echo(f"{os.path.relpath(folder / path)} {SAID[state]}")
    if not differing:
        click.echo(f"{os.path.relpath(folder)}: up to date")
    return EXIT_FAILED if differing else 0


def _push(told: dict[str, Any], files: dict[str, File], *, classic: bool) -> None:
    """Push the image of the files, which have to be those that are there."""
    if find_spec("cyclonedx") is None:
        raise UsageError("the image's SBOM needs another package", key="--push", fix="pip install 'homeport[sbom]'")
    from homeport.exports import pushing  # only here is that package needed

    folder, given = Path(told["folder"]), told["image"]
    if differing := compare(folder, files, told["record"]).differing:
        path, state = next(iter(differing.items()))
        problem = f"{os.path.relpath(folder / path)} {SAID[state]}"
        raise UsageError(problem, key="--push", fix="export without --push, and commit what it writes")
    image = pushing.image_of(given, classic=classic)
    pushing.check(image, dirty=given["dirty"], environment=os.environ)
    kept = Path("exports") / "images"
    reference = pushing.push(image, kept)
    digest = reference.partition("@")[2]
    click.echo(f"\nNext, with what {kept / image.release} describes (image.json, sbom.cdx.json):", err=True)
    for line in (
        f"sh release.sh {digest}    Kubernetes, Swarm",
        f"sh install.sh {digest}    podman (Quadlet)",
        f"sh release.sh {image.release}@{digest}    Compose",
    ):
        click.echo(f"  {line}", err=True)
    click.echo(reference)


def _write(told: dict[str, Any], files: dict[str, File], *, force: bool) -> None:
    folder = Path(told["folder"])
    done = write(folder, files, told["record"], force=force)
    for path, is_there in done:
        click.echo(f"{'wrote' if is_there else 'removed'}  {os.path.relpath(folder / path)}")
    if not done:
        click.echo(f"{os.path.relpath(folder)}: up to date")
    for place, lines in (("here", told["first"]), (f"in {os.path.relpath(folder)}", told["next"])):
        if lines:
            click.echo(f"\nNext, {place}:")
        for line in lines:
            click.echo(f"  {line}")


def _told(path: str, options: dict[str, Any], *, pin: bool = False) -> dict[str, Any]:
    """Return what is exported of an inventory; with `pin` once its base image is pinned."""
    words = [sys.executable, "-m", "homeport.entries.export", path, json.dumps(options)]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        click.echo(done.stderr, err=True, nl=False)
        raise SystemExit(done.returncode if done.returncode > 0 else SIGNALLED - done.returncode)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if not pin:
        return found
    _pin(found["image"]["base"], path)
    return _told(path, options)
