"""Quoting of values for the files that we render. Pure functions, registered as Jinja filters by `rendering`."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./$-]+")
_NAMED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def systemd_quote(value: object) -> str:
    r"""Return `value` as one word of a unit's command line (`ExecStart=` and its like), meaning exactly itself.

    `%` would be a specifier and `$` a variable, so both are doubled; what is not plain is put into double quotes with
    C escapes. Rules: systemd.service(5), "Command lines". Raises ValueError for a zero byte, which no word can have.
    """
    text = str(value)
    if "\0" in text:
        raise ValueError("a zero byte cannot stand in a command line")
    doubled = text.replace("%", "%%").replace("$", "$$")
    if _PLAIN.fullmatch(doubled):
        return doubled
    return '"' + "".join(_escape(character) for character in doubled) + '"'


def _escape(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    return f"\\x{ord(character):02x}" if ord(character) < 32 or ord(character) == 127 else character
