"""age keys: where a person's own key comes from, and for whom a file is encrypted.

Nothing of a key but its public half ever enters a message.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from pyrage import IdentityError, RecipientError
from pyrage.x25519 import Identity, Recipient

from homeport.errors import UsageError

# The key itself, for a pipeline whose secrets are variables.
KEY_VARIABLE = "HOMEPORT_AGE_KEY"
FILE_VARIABLE = "HOMEPORT_AGE_KEY_FILE"
RECIPIENTS = "recipients.txt"
T = TypeVar("T")


def key_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where this person's key is, or would be: HOMEPORT_AGE_KEY_FILE, else ~/.config/homeport/age.key."""
    if named := environment.get(FILE_VARIABLE):
        return Path(named).expanduser()
    home = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "homeport" / "age.key"


def identities(environment: Mapping[str, str] = os.environ) -> tuple[Identity, ...]:
    """Return the keys that may read: those of HOMEPORT_AGE_KEY, else those of the key file.

    Raises UsageError when there is none, when one is damaged, and when others than the owner can read the file.
    """
    if KEY_VARIABLE in environment:
        text = environment[KEY_VARIABLE]
        fix = "put a line AGE-SECRET-KEY-1… into it, as 'homeport secrets keygen' makes one"
        return _some(_parsed(text, Identity.from_str, KEY_VARIABLE, fix), KEY_VARIABLE, "it is empty", fix)
    path = key_file(environment)
    fix = "restore it, or name another file with HOMEPORT_AGE_KEY_FILE"
    return _some(_parsed(_private_text(path), Identity.from_str, str(path), fix), str(path), "it has no key", fix)


def recipients(path: Path) -> tuple[Recipient, ...]:
    """Return for whom is encrypted: the public keys of a file, one a line, remarks after `#`.

    Raises UsageError when the file cannot be read, has none, or has a line that is no public key.
    """
    fix = f"write the public keys (age1…) of all who deploy into {path}, one a line"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError("cannot be read", key=str(path), fix=fix) from None
    return _some(_parsed(text, Recipient.from_str, str(path), fix), str(path), "it has no public key", fix)


def public_keys(keys: tuple[Identity, ...]) -> tuple[str, ...]:
    """Return the public halves, which anybody may see."""
    return tuple(str(key.to_public()) for key in keys)


def generate(path: Path) -> str:
    """Make a key in a new file that only its owner can read; return its public half.

    Raises UsageError when the file is there, since an overwritten key is a lost one, or cannot be written.
    """
    key = Identity.generate()
    public = str(key.to_public())
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"# public key: {public}\n{key}\n")
    except FileExistsError:
        fix = "homeport keeps it; to make another key, name a new file with HOMEPORT_AGE_KEY_FILE"
        raise UsageError("there is a key already", key=str(path), fix=fix) from None
    except OSError as error:
        raise UsageError(f"cannot be written ({error.strerror})", key=str(path)) from None
    return public


def _private_text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                problem = f"other users can read this key (mode {mode:04o})"
                raise UsageError(problem, key=str(path), fix=f"chmod 600 {path}")
            return file.read()
    except FileNotFoundError:
        fix = f"make one with 'homeport secrets keygen', or set {KEY_VARIABLE} or {FILE_VARIABLE}"
        raise UsageError("there is no age key", key=str(path), fix=fix) from None
    except (OSError, UnicodeDecodeError):
        raise UsageError("the age key cannot be read", key=str(path), fix="check the file's owner and mode") from None


def _parsed(text: str, parse: Callable[[str], T], where: str, fix: str) -> tuple[T, ...]:
    """Return what the lines say; raise UsageError with the number alone of one that is not understood."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        try:
            found.append(parse(word))
        except (IdentityError, RecipientError):
            raise UsageError(f"line {number} is not an age key", key=where, fix=fix) from None
    return tuple(found)


def _some(found: tuple[T, ...], where: str, problem: str, fix: str) -> tuple[T, ...]:
    if not found:
        raise UsageError(problem, key=where, fix=fix)
    return found
