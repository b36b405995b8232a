"""The secrets file of a project as it is changed: read, validated, encrypted, replaced by rename."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from homeport.errors import UsageError
from homeport.secrets.dotenv import variables
from homeport.secrets.encryption import encrypt, is_encrypted
from homeport.secrets.keys import RECIPIENTS, identities, public_keys
from homeport.secrets.loading import read_secrets


@dataclass(frozen=True)
class SecretFile:
    """One secrets file; `elsewhere` are the variables that the settings of its hosts give a value to themselves."""

    path: Path
    elsewhere: frozenset[str] = frozenset()

    @property
    def recipients(self) -> Path:
        """The file with the public keys of all who can read this one, and its neighbours."""
        return self.path.with_name(RECIPIENTS)

    def stored(self) -> bytes:
        """Return what is on the disk; empty when there is no file yet."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise UsageError(f"cannot be read ({error.strerror})", key=str(self.path)) from None

    def is_plain(self) -> bool:
        """Tell whether there is a file that anybody can read who has it."""
        data = self.stored()
        return bool(data) and not is_encrypted(data)

    def text(self) -> str:
        """Return the text, decrypted; "" when there is no file yet. Raises UsageError when it cannot be read."""
        return read_secrets(self.path) if self.path.exists() else ""

    def check(self, text: str) -> None:
        """Raise UsageError, without any value, when `text` is no good secrets file."""
        try:
            variables(text, elsewhere=self.elsewhere)
        except UsageError as error:
            raise UsageError(error.problem, key=str(self.path), fix=error.fix) from None

    def prepare(self) -> bool:
        """See to it that the file can be encrypted; raise UsageError otherwise. Tell whether recipients.txt was made.

        The first one who makes secrets is the first who can read them.
        """
        if self.recipients.exists():
            encrypt(b"", self.path)
            return False
        lines = "".join(f"{key}\n" for key in public_keys(identities()))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.recipients.write_text(f"# Whose key stands here can read the secrets in this folder.\n{lines}")
        except OSError as error:
            raise UsageError(f"cannot be written ({error.strerror})", key=str(self.recipients)) from None
        return True

    def write(self, text: str, *, was: bytes) -> None:
        """Replace the file by `text`, encrypted; raise UsageError when it is not good, or `was` not what is there."""
        self.check(text)
        data = encrypt(text.encode(), self.path)
        place = self.path.resolve()
        new = place.with_name(f".{place.name}.{os.getpid()}.new")
        if self.stored() != was:
            fix = "nothing was written; run the command again"
            raise UsageError("somebody else has changed the file meanwhile", key=str(self.path), fix=fix)
        try:
            new.write_bytes(data)
            new.replace(place)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise UsageError(f"cannot be written ({error.strerror})", key=str(self.path)) from None
