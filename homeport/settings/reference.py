"""The settings as documents: group_data/all.py and docs/settings.md, generated from the model."""

from __future__ import annotations

import json
from textwrap import wrap
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from homeport.settings.machine import SINGLE_VALUES
from homeport.settings.model import Settings


def default(field: FieldInfo) -> Any:
    """Return a setting's default as plain data; PydanticUndefined when it has none."""
    if field.default_factory is not None:
        return field.default_factory()  # type: ignore[call-arg]
    return list(field.default) if isinstance(field.default, tuple) else field.default


def group_data() -> str:
    """Return the text of group_data/all.py: every setting with its default and what it is for."""
    lines = [
        '"""Every setting of homeport with its default. One file per inventory, named like it, overrides them.',
        "",
        "A setting that is commented out belongs to the machine: unset, it has the value of another application there.",
        "",
    ]
    lines += [
        "`make reference` writes this file and docs/settings.md from the models in homeport/settings/.",
        '"""',
        "",
    ]
    for name, field in Settings.model_fields.items():
        value = default(field)
        lines += wrap(field.description or "", 118, initial_indent="# ", subsequent_indent="# ")
        lines.append(_line(name, value))
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _line(name: str, value: Any) -> str:
    if value is PydanticUndefined:
        return f"# {name} = (no default)"
    # A value in this file counts as set, even if it is the default, and could conflict with other applications.
    return f"{'# ' if name in SINGLE_VALUES else ''}{name} = {literal(value)}"


def markdown() -> str:
    """Return the text of docs/settings.md."""
    lines = ["# Settings", "", "`make reference` writes this page from the models in `homeport/settings/`.", ""]
    lines += ["Set values in `group_data/all.py`, in `group_data/INVENTORY.py`, for one host in an inventory, or with"]
    lines += ["`--data name=value`; the later place wins. Names of your own variables begin with `x_`."]
    lines += [
        "pyinfra reads what looks like a number as a number; quotes make it a text: `--data 'app_ref=\"2024_01\"'`.",
        "",
    ]
    lines += [
        "Settings with a ¹ belong to the machine, and all its applications share one value: each one sets the same",
        "value or none, and one that sets none uses the value that another one has set",
        "([Hardening](hardening.md#several-applications-on-one-machine)).",
        "",
    ]
    lines += ["| setting | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        value = default(field)
        shown = "(needed)" if value is PydanticUndefined else f"`{literal(value)}`"
        shown += " ¹" if name in SINGLE_VALUES else ""
        lines.append(f"| `{name}` | {shown} | {(field.description or '').replace('|', '&#124;')} |")
    return "\n".join(lines) + "\n"


def literal(value: Any) -> str:
    """Return a value as Python has it."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
