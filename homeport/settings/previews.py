"""A preview: a branch as an application of its own on the machines of another one, for some days. Pure.

A part of `homeport.settings.model`. `previewed` makes the preview's settings of its owner's: what the application is
stays, what is production's own (secrets, hooks, paths, the machine) does not come along.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from homeport.errors import UsageError
from homeport.settings.machine import SINGLE_VALUES
from homeport.settings.mounts import LACKING, OWNERS, SERVERS
from homeport.settings.proxy import TITLES
from homeport.settings.types import LONGEST_APP_NAME, Domain, Text

DIGEST_DIGITS = 4
SHORTEST_SLUG = 8
# Below those that the kernel gives to whoever asks for none (ip_local_port_range), above those of other applications.
PORTS = range(12000, 32000, 2)
SEEDED = ".homeport-seeded"
# What is production's alone: a preview has the default. The machine is as its other applications have set it.
LEFT_OUT = (
    *SINGLE_VALUES,
    *("firewall_open", "take_over", "take_machine", "replace_proxy", "former_domain", "domain_aliases"),
    *("served_domains", "hsts_subdomains", "hsts_preload", "secrets_file", "secrets_from_environment"),
    *("hooks_before_migration", "hooks_after_live", "hooks_on_failure", "migration_rehearsal", "migrate_on"),
    *("sandbox_writable_paths", "standby", "cpu_weight", "keep_releases", "pinned_releases", "allow_dirty"),
)


class Preview(BaseModel):
    """Which branch a run makes a preview of, until when (UTC), and whose preview it is, which follows."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    branch: Text = Field(min_length=1, max_length=200)
    until: Text = Field("", pattern=r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?$")
    of: Text = ""


class PreviewSettings(BaseModel):
    """What previews of this application have (docs/previews.md)."""

    # --- previews --------------------------------------------------------------------------------------------------
    preview_domain: Domain | None = Field(
        None,
        description="Previews of branches (`homeport preview up`) are served under names below this one, "
        "`BRANCH.preview_domain`; None: below the path `/preview/` of `domain`.",
    )
    preview_memory_megabytes: int = Field(
        256,
        ge=64,
        description="Hard memory limit of a preview, of its server and all that runs beside it together; previews do "
        'not count where `memory_max_megabytes` is "auto".',
    )
    preview_environment: dict[str, Text] = Field(
        default_factory=dict,
        description="Environment variables of previews, besides those of `environment` and in their place.",
    )
    preview_secrets_file: Text | None = Field(
        None,
        description="The `secrets_file` of previews. Without it they have no secrets: they get none of production's.",
    )
    preview_data: Literal["empty", "copy"] = Field(
        "empty",
        description='What a preview begins with: "empty" (an empty state directory) or "copy" (a copy of production\'s '
        "state directory, its SQLite databases whole; whoever sees the preview may see production's data).",
    )
    preview_seed_command: Text = Field(
        "",
        description="Shell command that fills a preview's database, once, after its first migration, as the "
        "preview's user.",
    )
    preview: Preview | None = Field(
        None,
        description="With `--data`: the branch that this run makes a preview of, and until when (`homeport preview "
        "up` sets it).",
    )

    @field_validator("preview_domain", "preview_secrets_file", "preview", mode="before")
    @classmethod
    def _unset_preview(cls, value: object) -> object:
        # `--data preview_domain=None` arrives as text.
        return None if value == "None" else value


def slug(branch: str, longest: int) -> str:
    """Return a branch's name as a label: small letters, digits and dashes; one that had to be cut ends in a digest."""
    label = re.sub(r"[^a-z0-9]+", "-", branch.lower()).strip("-")
    # A name in -migrate is that of a migration's unit.
    if label and len(label) <= longest and not f"-{label}".endswith("-migrate"):
        return label
    digest = hashlib.sha256(branch.encode()).hexdigest()[:DIGEST_DIGITS]
    return f"{label[: longest - DIGEST_DIGITS - 1].rstrip('-')}-{digest}".lstrip("-")


def ports(app: str) -> tuple[int, int]:
    """Return the ports of a preview's slots: they follow from its name, since nobody chooses them."""
    first = PORTS[int(hashlib.sha256(app.encode()).hexdigest()[:8], 16) % len(PORTS)]
    return first, first + 1


def previewed(data: Mapping[str, Any], owner: Any, host: str) -> dict[str, Any]:
    """Return the settings, as data, of the preview that `owner` (the settings made of `data`) has.

    Raises UsageError, in one line, when the application cannot have one.
    """
    preview, room = owner.preview, LONGEST_APP_NAME - len(owner.app_name) - 1
    if room < SHORTEST_SLUG:
        longest = LONGEST_APP_NAME - SHORTEST_SLUG - 1
        problem = f"with {len(owner.app_name)} characters it leaves no room for a branch in the name of a preview"
        raise UsageError(problem, host=host, key="app_name", fix=f"previews need one of {longest} characters at most")
    label = slug(preview.branch, room)
    app = f"{owner.app_name}-{label}"
    # What holds for a whole name is for who owns that.
    left_out = LEFT_OUT if owner.preview_domain else (*LEFT_OUT, *OWNERS)
    kept = {name: value for name, value in data.items() if name not in left_out}
    blue, green = ports(app)
    return {
        **kept,
        **_place(kept, owner, app, label, host),
        "app_name": app,
        "preview": preview.model_copy(update={"of": owner.app_name}),
        "port_blue": blue,
        "port_green": green,
        "workers": 1,
        "memory_max_megabytes": owner.preview_memory_megabytes,
        "worker_memory_megabytes": min(owner.worker_memory_megabytes, owner.preview_memory_megabytes),
        # One release at a time: the limit holds at a switch too, and whoever looks at a preview can wait.
        "switch": "restart",
        "watch_seconds": 0,
        "keep_releases": 2,
        "environment": _environment(owner, app),
        **({"secrets_file": owner.preview_secrets_file} if owner.preview_secrets_file else {}),
        "before_start": (*(one.model_dump() for one in owner.before_start), *_seed(owner.preview_seed_command)),
    }


def _place(kept: Collection[str], owner: Any, app: str, label: str, host: str) -> dict[str, Any]:
    """Return where the preview is served."""
    if owner.preview_domain:
        return {"domain": f"{label}.{owner.preview_domain}", "mounted_on": None, "mount_path": None}
    _must_fit_below_a_path(owner, kept, host)
    if owner.mounted_on:
        return {"mount_path": f"/preview/{app}"}
    return {"mounted_on": owner.app_name, "mount_path": f"/preview/{label}"}


def _must_fit_below_a_path(owner: Any, kept: Collection[str], host: str) -> None:
    """Raise UsageError, by name, for what an application below a path does not have."""
    fields = type(owner).model_fields
    lacking = [name for name in LACKING if name in kept and getattr(owner, name) != fields[name].default]
    problem = LACKING[lacking[0]] if lacking else ""
    if owner.proxy != "nginx":
        lacking, problem = ["proxy"], f"with {TITLES[owner.proxy]} each name is one application's"
    elif owner.server not in SERVERS:
        lacking, problem = ["server"], f"{owner.server} cannot be told its root path"
    if lacking:
        fix = "set preview_domain, so that previews have names of their own"
        raise UsageError(f"a preview below a path cannot have it: {problem}", host=host, key=lacking[0], fix=fix)


def _environment(owner: Any, app: str) -> dict[str, str]:
    """Return the variables of the preview: what names production's state directory names the preview's."""
    state = re.compile(rf"/var/lib/{re.escape(owner.app_name)}(?![\w-])")
    own = {name: state.sub(f"/var/lib/{app}", value) for name, value in owner.environment.items()}
    return {**own, **owner.preview_environment}


def _seed(command: str) -> tuple[dict[str, Any], ...]:
    """Return the step before a start that runs the command until it has succeeded once."""
    if not command:
        return ()
    mark = f'"$STATE_DIRECTORY/{SEEDED}"'
    return ({"command": f"[ -e {mark} ] || {{ sh -euc {shlex.quote(command)} && : >{mark}; }}"},)
