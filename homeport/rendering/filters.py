"""Quoting of values for the files that we render. Pure functions, registered as Jinja filters by `rendering`."""

from __future__ import annotations

import re
import shlex

from homeport.host.system.site_names import STAR

_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./$-]+")
_VALUE = r"""(?:[^\s"'\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")*"""
_ASSIGNMENTS = re.compile(rf"(?:[A-Za-z_][A-Za-z0-9_]*={_VALUE}(?:\s+|$))*")
_DUPLICATIONS = re.compile(r"[<>]&")
_NAMED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def systemd_quote(value: object) -> str:
    r"""Return `value` as one word of a unit's command line (`ExecStart=` and its like), meaning exactly itself.

    `%` would be a specifier and `$` a variable, so both are doubled; what is not plain is put into double quotes with
    C escapes. Rules: systemd.service(5), "Command lines". Raises ValueError for a zero byte, which no word can have.
    """
    text = str(value)
    if "\0" in text:
        raise ValueError("a command line cannot contain a zero byte")
    doubled = text.replace("%", "%%").replace("$", "$$")
    if _PLAIN.fullmatch(doubled):
        return doubled
    return '"' + "".join(_escape(character) for character in doubled) + '"'


def shell_quote(value: object) -> str:
    """Return `value` as one word of a POSIX shell script, meaning exactly itself."""
    return shlex.quote(str(value))


def with_directives(text: object, **values: object) -> str:
    """Return Nginx's directives, each on a line of its own, with these values instead of what they have."""
    kept = [line for line in str(text).splitlines() if not re.match(rf"\s*(?:{'|'.join(values)})\s", line)]
    return "\n".join([*kept, *(f"        {name} {value};" for name, value in values.items()), ""])


def regex_quote(value: object) -> str:
    """Return `value` as a regular expression that matches it alone."""
    return re.escape(str(value))


def starred(name: object) -> bool:
    """Tell whether a name of a site stands for many."""
    return str(name).startswith(STAR)


def server_name(name: object) -> str:
    """Return a name of a site as Nginx has it in `server_name`; its own star would be for any number of labels."""
    text = str(name)
    return f"~^[^.]+[.]{text[2:].replace('.', '[.]')}$" if starred(text) else text


def backend_name(name: object) -> str:
    """Return a name of a site as HAProxy's backends have it, whose names cannot have a star."""
    return f"_{str(name)[1:]}" if starred(name) else str(name)


def caddy_word(value: object, before: str = "", after: str = "") -> str:
    """Return a text as one word of Caddy's configuration, without placeholders but those of `before` and `after`."""
    text = str(value).replace("{", "\\{").replace('"', '\\"')
    return f'"{before}{text}{after}"'


def more_than(number: object) -> str:
    """Return a regular expression for the numbers in digits that are larger than this one."""
    digits = str(number)
    larger = [f"[0-9]{{{len(digits) + 1},}}"]
    for place, digit in enumerate(digits):
        if digit != "9":
            larger.append(f"{digits[:place]}[{int(digit) + 1}-9][0-9]{{{len(digits) - place - 1}}}")
    return f"^0*({'|'.join(larger)})$"


def replace_shell(command: object) -> str:
    """Return a shell command such that the shell makes way for the program, which then gets the unit's signals.

    Debian's shell stays for a lone command, and dies of a SIGTERM without passing it on. A command of several parts
    (`;`, `&&`, `|` …) is returned as it is: its author says `exec` where he means it. POSIX, Shell & Utilities, 2.10.
    """
    text = str(command).strip()
    try:
        lexer = shlex.shlex(_DUPLICATIONS.sub(">", text), posix=False, punctuation_chars=";&|")
        lexer.whitespace_split = True
        several = "\n" in text or text.startswith("(") or any(set(word) <= set(";&|") for word in lexer)
    except ValueError:  # an open quote: the shell will say so
        return text
    found = _ASSIGNMENTS.match(text)
    start = found.end() if found else 0
    if several or re.match(r"exec\s|$", text[start:]):
        return text
    return f"{text[:start]}exec {text[start:]}"


def _escape(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    return f"\\x{ord(character):02x}" if ord(character) < 32 or ord(character) == 127 else character
