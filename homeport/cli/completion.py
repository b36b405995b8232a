"""`homeport completion`: what a shell needs to complete commands, options and inventories."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

EXAMPLES = """\b
Examples:
  homeport completion bash >~/.local/share/bash-completion/completions/homeport
  homeport completion zsh >"${fpath[1]}/_homeport"
  homeport completion fish >~/.config/fish/completions/homeport.fish
"""


@click.command(epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script that lets your shell complete commands, options and the names of inventories."""
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"there is no completion for {shell}")
    root = context.find_root()
    click.echo(found(root.command, {}, "homeport", "_HOMEPORT_COMPLETE").source())
