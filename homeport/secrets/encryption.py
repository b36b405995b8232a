"""Encrypting and decrypting in memory. One line tells a wrong key from a damaged file."""

from __future__ import annotations

from pathlib import Path

import pyrage

from homeport.errors import UsageError
from homeport.secrets.keys import RECIPIENTS, identities, public_keys, recipients

# The first line of the format (age-encryption.org/v1), and that of its text form.
BINARY, ARMORED = b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----"
# What pyrage says when no key fits.
NO_KEY_FITS = "No matching keys"


def is_encrypted(data: bytes) -> bool:
    """Tell whether a file's content is encrypted with age; its name does not matter."""
    return data.startswith(BINARY) or data.lstrip().startswith(ARMORED)


def decrypt(data: bytes, path: Path) -> bytes:
    """Return what is encrypted in the content `data` of `path`.

    Raises UsageError when there is no key, it is not encrypted for ours, or is damaged.
    """
    keys = identities()
    try:
        return pyrage.decrypt(data, keys)
    except pyrage.DecryptError as error:
        if NO_KEY_FITS in str(error):
            raise _not_for_us(path, public_keys(keys)) from None
        problem, fix = "is damaged or cut off", "restore it from its repository"
        raise UsageError(problem, key=str(path), fix=fix) from None


def _not_for_us(path: Path, public: tuple[str, ...]) -> UsageError:
    fix = (
        f"ask somebody who can read the file to add that key to {path.with_name(RECIPIENTS)} and to run "
        "'homeport secrets encrypt'; or use the right key"
    )
    return UsageError(f"is not encrypted for your key ({', '.join(public)})", key=str(path), fix=fix)


def encrypt(plain: bytes, path: Path) -> bytes:
    """Return `plain` encrypted, as text, for all whose public keys stand in recipients.txt beside `path`.

    Raises UsageError when that file has none, or lacks the key of who encrypts: he could not read it again.
    """
    readers = recipients(path.with_name(RECIPIENTS))
    own = public_keys(identities())
    if not set(own) & {str(reader) for reader in readers}:
        problem = f"your own key is not in it ({', '.join(own)}): you could not read the secrets file afterwards"
        raise UsageError(problem, key=str(path.with_name(RECIPIENTS)), fix="add it as a line")
    return pyrage.encrypt(plain, list(readers), armored=True)
