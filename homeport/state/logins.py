"""The accounts that can log in to a host by SSH, now and once sshd reads the wanted drop-in file. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

# What `sshd -T` says: all values of each keyword.
Sshd = Mapping[str, tuple[str, ...]]
KeyKind = Literal["key", "weak", ""]


@dataclass(frozen=True)
class OtherAccount:
    """An account with a way in: its key ("weak": only RSA of less than 2048 bits), and whether it has a password."""

    user: str
    groups: tuple[str, ...] = ()
    key: KeyKind = ""
    has_password: bool = False


@dataclass(frozen=True)
class Logins:
    """What a reading found of them; `before` and `after` have sshd's settings for each account by its name.

    All is empty where the drop-in file would not change. `refused` is what sshd says when it does not take its settings
    with ours, `takes_passwords` whether it would go on doing that, `directory` the kind of a directory that knows more
    accounts ("sss"), `host_keys` the types of the host's keys.
    """

    other_accounts: tuple[OtherAccount, ...] = ()
    before: Mapping[str, Sshd] = field(default_factory=dict)
    after: Mapping[str, Sshd] = field(default_factory=dict)
    refused: str = ""
    takes_passwords: bool = False
    directory: str = ""
    host_keys: tuple[str, ...] = ()
