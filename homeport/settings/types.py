"""The kinds of values that settings are made of: what may stand there, and how text from `--data` becomes one. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from homeport.settings.firewall import check_closings, check_openings
from homeport.settings.outbound_places import check_private
from homeport.settings.proxy_protocol import check_balancers
from homeport.settings.ranges import address_ranges, trusted_ranges, visitor_ranges


def as_text(value: object) -> object:
    """Give back a number as text: pyinfra turns `--data app_ref=1234` into an int before we see it.

    Raises ValueError for a truth value, which `--data app_ref=true` has become in the same way.
    """
    if isinstance(value, bool):
        word = str(value).lower()
        raise ValueError(
            f"must be a text, but pyinfra reads {word} as a truth value; write it as '\"{word}\"' (with the double "
            "quotes)"
        )
    return str(value) if isinstance(value, int | float) else value


def as_release(value: object) -> object:
    """Take a release id that pyinfra has made a number of; its first zeros are lost on the way, its length is known."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:012d}"
    if isinstance(value, float):
        raise ValueError("write it in quotes: --data release='\"ID\"'")
    return value


def as_list(value: object) -> object:
    """Take `a,b` (as `--data` gives it) for the list `["a", "b"]`."""
    value = as_text(value)
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def as_commands(value: object) -> object:
    """Take one shell command for a list of one: a comma in it belongs to it."""
    if isinstance(value, bool):
        return as_text(value)
    if not isinstance(value, str) or value == "auto":
        return value
    return [value] if value.strip() else []


def as_lower(value: object) -> object:
    """Take a name in whatever case."""
    return value.lower() if isinstance(value, str) else value


def package_names(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names; raise ValueError for one that Debian Policy 5.6.1 does not allow."""
    for number, name in enumerate(value, 1):
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", name):
            raise ValueError(f"item {number} is not a Debian package name")
    return value


def distribution_names(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of extras or dependency groups; raise ValueError for one that PEP 685 and PEP 735 do not allow."""
    for number, name in enumerate(value, 1):
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
            raise ValueError(f"item {number} is not a name of an extra or a group")
    return value


def release_names(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names; raise ValueError for one that no release can have (they become parts of paths)."""
    for number, name in enumerate(value, 1):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
            raise ValueError(f"item {number} is not the id of a release")
    return value


def as_network(value: object) -> object:
    """Take the words "any" and "local" for themselves, and everything else for a list of addresses."""
    return value if value in ("any", "local") else as_list(value)


def absolute_paths(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths; raise ValueError for one that is not absolute, or that a unit's line cannot have as it is."""
    for number, path in enumerate(value, 1):
        if not re.fullmatch(r"/[A-Za-z0-9._/@+-]+", path) or ".." in path.split("/"):
            raise ValueError(f"item {number} is not an absolute path of letters, digits and ._/@+-")
    return value


def relative_paths(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths or patterns; raise ValueError for one that leads out of the folder that they are seen from."""
    for number, path in enumerate(value, 1):
        if not path or path.startswith(("/", "~")) or ".." in path.split("/") or not path.isprintable():
            raise ValueError(f"item {number} is not a path below the application's folder")
        parts = [one for one in path.split("/") if one not in ("", ".")]
        if not parts:
            raise ValueError(f"item {number} is the application's whole folder: name what git does not have")
        if ".git" in parts:
            raise ValueError(f"item {number} names .git, which is in no release")
        if any("**" in one and one != "**" for one in parts):
            raise ValueError(f"item {number} has ** together with other characters: write **/ for any folders, * else")
    return value


def devices(value: tuple[str, ...]) -> tuple[str, ...]:
    """Return the paths; raise ValueError for one that is not in /dev."""
    for number, path in enumerate(value, 1):
        if not path.startswith("/dev/"):
            raise ValueError(f"item {number} is not a path in /dev")
    return value


# As browsers check it (HTML standard, "valid e-mail address"), but with a dot in the domain.
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
LONGEST_EMAIL = 254


def email_address(value: str) -> str:
    """Return the address; raise ValueError for what no certificate authority would take for one."""
    if len(value) > LONGEST_EMAIL or not _EMAIL.fullmatch(value.lower()) or not value.isascii():
        raise ValueError("is not an e-mail address (NAME@DOMAIN)")
    return value


Text = Annotated[str, BeforeValidator(as_text)]
Commands = Annotated[tuple[Text, ...], BeforeValidator(as_commands)]
TextList = Annotated[tuple[Text, ...], BeforeValidator(as_list)]
# The last BeforeValidator is the first to run.
Releases = Annotated[
    tuple[Text, ...], AfterValidator(release_names), BeforeValidator(as_list), BeforeValidator(as_release)
]
Openings = Annotated[TextList, AfterValidator(check_openings)]
Closings = Annotated[TextList, AfterValidator(check_closings)]
PrivatePlaces = Annotated[TextList, AfterValidator(check_private)]
RelativePaths = Annotated[TextList, AfterValidator(relative_paths)]
Paths = Annotated[TextList, AfterValidator(absolute_paths)]
Devices = Annotated[Paths, AfterValidator(devices)]
Addresses = Annotated[tuple[Text, ...], AfterValidator(address_ranges)]
TrustedRanges = Annotated[TextList, AfterValidator(trusted_ranges)]
Balanced = Annotated[Text, AfterValidator(check_balancers)]
VisitorRanges = Annotated[TextList, AfterValidator(visitor_ranges)]
Network = Annotated[Literal["any", "local"] | Addresses, BeforeValidator(as_network)]
Names = Annotated[TextList, AfterValidator(distribution_names)]
Packages = Annotated[TextList, AfterValidator(package_names)]
ReleaseName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"), BeforeValidator(as_release)
]
# A user's name has at most 32 characters (useradd(8)), an application's one less.
LONGEST_APP_NAME = 31
AppName = Annotated[
    str,
    StringConstraints(pattern=rf"^[a-z][a-z0-9-]{{0,{LONGEST_APP_NAME - 2}}}[a-z0-9]$"),
    BeforeValidator(as_text),
]
Email = Annotated[Text, AfterValidator(email_address)]
# RFC 1123 labels, at least two of them: a certificate authority issues for nothing less.
_LABELS = r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
Domain = Annotated[str, StringConstraints(max_length=253, pattern=rf"^{_LABELS}"), BeforeValidator(as_lower)]
# Also for all names with one label in the place of the star.
SiteName = Annotated[str, StringConstraints(max_length=253, pattern=rf"^([*][.])?{_LABELS}"), BeforeValidator(as_lower)]


def as_hooks(value: object) -> object:
    """Take a command, or a list of commands and tables, for a list of hooks."""
    items = [value] if isinstance(value, str | dict) else value
    if not isinstance(items, list | tuple):
        return items
    return tuple({"command": item} if isinstance(item, str) else item for item in items)


def as_processes(value: object) -> object:
    """Take `{"worker": "COMMAND"}` for `{"worker": {"command": "COMMAND"}}`."""
    if not isinstance(value, dict):
        return value
    return {name: {"command": item} if isinstance(item, str) else item for name, item in value.items()}


class Hook(BaseModel):
    """A shell command at a moment of a release, run as the application's user or as root."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    command: Text = Field(min_length=1)
    user: Literal["app", "root"] = "app"
    timeout_seconds: int = Field(60, ge=1)


class Step(BaseModel):
    """A shell command before each start of a release's processes, run as they are."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    command: Text = Field(min_length=1)
    timeout_seconds: int = Field(300, ge=1)


class Process(BaseModel):
    """A long-running command of a release beside the server, such as a queue worker."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    command: Text = Field(min_length=1)
    stop_timeout_seconds: int = Field(30, ge=1)


class Timer(BaseModel):
    """A command of a release that runs at times: `schedule` as systemd.time(7) has it for OnCalendar=."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    command: Text = Field(min_length=1)
    schedule: Text = Field(min_length=1, pattern=r"^[^\n]+$")
    timeout_seconds: int = Field(3600, ge=1)


# A dot stands before it in a unit's name, which no application's name has: `notes.worker@blue.service`.
ProcessName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,29}$"), BeforeValidator(as_text)]
Hooks = Annotated[tuple[Hook, ...], BeforeValidator(as_hooks)]
Steps = Annotated[tuple[Step, ...], BeforeValidator(as_hooks)]
Processes = Annotated[dict[ProcessName, Process], BeforeValidator(as_processes)]
