"""`homeport secrets`: the encrypted secrets file. Thin; the work is in `homeport.secrets`.

No value is ever taken from the command line, and none is shown without being asked for.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from homeport.cli.processes import inventory, read, target_options
from homeport.errors import UsageError
from homeport.secrets import keys
from homeport.secrets.dotenv import replaced, variables
from homeport.secrets.editing import edited, private_folder
from homeport.secrets.secret_file import SecretFile
from homeport.settings.variables import check_variable

START = "# One NAME=value a line; the application gets each as an environment variable.\n"
EXAMPLES = """\b
First steps:
  homeport secrets keygen                                  your key, once
  secrets_file = "secrets/production.age"                  in group_data/production.py
  homeport secrets set production DATABASE_URL             asks for the value
  git add secrets                                          the file is encrypted for the keys in secrets/recipients.txt

\b
A new colleague adds their public key (`homeport secrets keygen` prints it) to secrets/recipients.txt; then somebody who
can read the secrets runs `homeport secrets encrypt production`. A pipeline has its own key in HOMEPORT_AGE_KEY.
"""


@click.group(epilog=EXAMPLES)
def secrets() -> None:
    """Secrets of the application, in a file that is encrypted with age.

    Your key is read from HOMEPORT_AGE_KEY (the key itself), from the file that HOMEPORT_AGE_KEY_FILE names, or from
    ~/.config/homeport/age.key.
    """


@secrets.command()
def keygen() -> None:
    """Make a key of your own, and print its public half, which goes into recipients.txt."""
    path = keys.key_file()
    click.echo(keys.generate(path))
    click.echo(f"the key is in {path}; keep a copy where you keep passwords: without it nothing can be read", err=True)


@secrets.command(epilog="\b\nExample:\n  EDITOR='code --wait' homeport secrets edit production")
@target_options
def edit(target: str, limit: tuple[str, ...]) -> None:
    """Open the secrets of TARGET in your editor ($VISUAL, $EDITOR), and encrypt the result.

    The editor works on a private file in memory, which is removed afterwards. The result is checked first.
    """
    file = _file(target, limit)
    _prepare(file)
    was, text = file.stored(), file.text()
    with private_folder() as folder:
        draft = edited(text or START, folder, "secrets.env")
        while (problem := _problem(file, draft)) is not None:
            click.echo(f"error: {problem}", err=True)
            if not sys.stdin.isatty() or not click.confirm("Edit again?", default=True, err=True):
                raise UsageError("nothing was changed", key=str(file.path))
            draft = edited(draft, folder, "secrets.env")
    if draft == (text or START):
        click.echo("nothing was changed", err=True)
        return
    _write(file, draft, was)


@secrets.command(name="set", epilog="\b\nExample:\n  openssl rand -hex 32 | homeport secrets set production SECRET_KEY")
@target_options
@click.argument("name")
def set_one(target: str, limit: tuple[str, ...], name: str) -> None:
    """Set the variable NAME in the secrets of TARGET; its value is asked for, or read from standard input."""
    file = _file(target, limit)
    try:
        check_variable(name, "")
    except ValueError as error:
        raise UsageError(str(error), key="NAME") from None
    _prepare(file)
    was = file.stored()
    _write(file, replaced(file.text() or START, name, _value(name)), was)


@secrets.command(epilog="\b\nExample:\n  homeport secrets show production")
@target_options
@click.option("--values", is_flag=True, help="The values too, as the file has them.")
def show(target: str, limit: tuple[str, ...], values: bool) -> None:
    """Print the names of the secrets of TARGET."""
    file = _file(target, limit)
    if not file.path.exists():
        raise UsageError("there is no such file", key=str(file.path), fix="make it with 'homeport secrets edit'")
    text = file.text()
    file.check(text)
    click.echo(text if values else "".join(f"{name}\n" for name in variables(text)), nl=False)


@secrets.command(epilog="\b\nExample:\n  homeport secrets encrypt production")
@target_options
def encrypt(target: str, limit: tuple[str, ...]) -> None:
    """Encrypt the secrets of TARGET for the keys in recipients.txt: a plain file, or again after that list has changed.

    Somebody who was taken off the list still knows the old values: change the secrets themselves.
    """
    file = _file(target, limit)
    if not file.path.exists():
        raise UsageError("there is no such file", key=str(file.path), fix="make it with 'homeport secrets edit'")
    _prepare(file)
    _write(file, file.text(), file.stored())


def _file(target: str, limit: tuple[str, ...]) -> SecretFile:
    """Return the secrets file of the hosts; raise UsageError when they have none, or not the same."""
    hosts = read([sys.executable, "-m", "homeport.inventory.hosts", inventory(target), *limit])
    if not hosts:
        raise UsageError("no host is selected", key="--limit", fix="see the names in the inventory")
    files = {str(host["secrets_file"]) for host in hosts if host["secrets_file"]}
    if not files:
        group = Path(inventory(target)).stem
        fix = f'set it, as secrets_file = "secrets/{group}.age" in group_data/{group}.py'
        raise UsageError("is not set", key="secrets_file", fix=fix)
    if len(files) > 1:
        problem = f"these hosts have different files: {', '.join(sorted(files))}"
        raise UsageError(problem, key="secrets_file", fix="choose hosts with --limit")
    return SecretFile(Path(files.pop()), frozenset(name for host in hosts for name in host["elsewhere"]))


def _prepare(file: SecretFile) -> None:
    if file.prepare():
        click.echo(f"wrote {file.recipients} with your public key; add your colleagues' and your pipeline's", err=True)


def _write(file: SecretFile, text: str, was: bytes) -> None:
    was_plain = file.is_plain()
    file.write(text, was=was)
    readers = len(keys.recipients(file.recipients))
    click.echo(f"wrote {file.path}, encrypted for {readers} {'key' if readers == 1 else 'keys'}", err=True)
    if was_plain:
        click.echo(
            "the file was not encrypted before: whoever has an older copy, or its history in git, can read that copy",
            err=True,
        )


def _problem(file: SecretFile, text: str) -> UsageError | None:
    try:
        file.check(text)
    except UsageError as error:
        return error
    return None


def _value(name: str) -> str:
    """Read a value: hidden and twice from a terminal, else all of standard input without its last line break."""
    if sys.stdin.isatty():
        return str(click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True, err=True))
    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise UsageError("the value is not UTF-8", key=name) from None
    return text.removesuffix("\n").removesuffix("\r")
