"""`homeport schema`: what the JSON of the commands looks like, for those who build on it."""

from __future__ import annotations

from pathlib import Path

import click

from homeport.errors import UsageError

SCHEMAS = Path(__file__).with_name("schemas")


@click.command(epilog="\b\nExamples:\n  homeport schema\n  homeport schema status >status.schema.json")
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON schema (2020-12) of the output of `homeport NAME … --json`; without NAME, list the schemas.

    Keys are never renamed or removed; new ones may come with a new version.
    """
    if name is None:
        for one in names():
            click.echo(one)
        return
    if name not in names():
        raise UsageError(f"no schema {name}", key="NAME", fix=f"there are: {', '.join(names())}")
    click.echo((SCHEMAS / f"{name}.json").read_text(), nl=False)


def names() -> list[str]:
    """Return which schemas there are."""
    return sorted(path.stem for path in SCHEMAS.glob("*.json"))
