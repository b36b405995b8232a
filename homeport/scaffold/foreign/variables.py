"""Variables of a foreign file: which are homeport's matter, which may stand in the settings, which are secret. Pure.

A value is only kept where neither its name nor itself looks like a secret, and nothing has to be put into it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from itertools import zip_longest

from homeport.scaffold.foreign.model import Place, Reading
from homeport.settings.variables import check_variable

# What is for an image's build, for Python in it, or for where a server listens.
_NOT_TAKEN = re.compile(
    r"(PYTHON(UNBUFFERED|DONTWRITEBYTECODE|FAULTHANDLER|HASHSEED|IOENCODING|OPTIMIZE|PATH)|PATH|HOME|USER|SHELL|TERM|"
    r"HOSTNAME|LANG|LANGUAGE|LC_\w+|DEBIAN_FRONTEND|VIRTUAL_ENV|PORT|HOST|BIND|WEB_CONCURRENCY|WORKERS_PER_CORE|"
    r"MAX_WORKERS|MODULE_NAME|VARIABLE_NAME|APP_MODULE|GUNICORN_\w+|WORKER_CLASS|PRE_START_PATH|VIRTUAL_\w+|"
    r"LETSENCRYPT_\w+|(PIP|UV|POETRY|PIPENV|PDM|PIPX|APT|NPM|NODE|BUN|VITE)_\w+|DEBCONF_\w+)"
)
# A name of several words is a secret's by any of them.
_SECRET_WORD = re.compile(
    r"(PASS|PASSWORD|PASSWD|PASSPHRASE|PWD|PW|SECRET|SECRETS|TOKEN|TOKENS|KEY|KEYS|APIKEY|CREDENTIAL|CREDENTIALS|"
    r"PRIVATE|DSN|SALT|SIGNATURE|CERT|CERTIFICATE|WEBHOOK|AUTH|COOKIE|LICENSE|PEPPER|SEED|HASH|JWT|PAT)"
)
_SECRET_PART = re.compile(r"PASSW|SECRET|TOKEN|APIKEY|PRIVATEKEY|CREDENTIAL")
_USERINFO = re.compile(r"://[^/\s]*@|(password|passwd|pwd|secret|token|key)\s*=", re.IGNORECASE)
_RANDOM = re.compile(r"[A-Za-z0-9+/_=.~!#%^&*-]{20,}")
_OPEN = re.compile(r"\$\{?\w|<%|\{\{|%\(")
# A path of a container, or of another machine; a path of an address (`/api`) is none.
_ELSEWHERE = re.compile(
    r"(^|[:=,]|sqlite[\w+]*:///)/(app|code|src|srv|opt|home|usr/src|usr/local|usr/lib|data|var|root|workspace|mnt|run|etc)(/|$)"
)
LONGEST = 500


def take_variable(
    name: str, value: str | None, place: Place, reading: Reading, services: Set[str] = frozenset()
) -> None:
    """Take a variable of the application; `services` are names that only mean something among containers.

    `value` is None where the file has none.
    """
    if _NOT_TAKEN.fullmatch(name):
        return
    try:
        check_variable(name, "")
    except ValueError as error:
        reading.note(place, f"a variable is not taken: {error}")
        return
    if value is None or is_secret(name, value) or _OPEN.search(value) or len(value) > LONGEST or not value:
        reading.variables.setdefault(name, place)
    elif service := service_in(value, services):
        reading.variables.setdefault(name, place)
        reading.note(place, f"{name} names the container {service}: set it to where that is for the new machine")
    elif _ELSEWHERE.search(value):
        reading.variables.setdefault(name, place)
        reading.note(place, f"{name} names a path of the image or the old machine: set it to one of the new machine")
    elif not value.isprintable():
        reading.variables.setdefault(name, place)
    else:
        _keep(name, value, place, reading)


def _keep(name: str, value: str, place: Place, reading: Reading) -> None:
    try:
        check_variable(name, value)
    except ValueError as error:
        reading.note(place, f"a variable is not taken: {error}")
        return
    reading.environment.setdefault(name, (value, place))


def is_plain(name: str, value: str) -> bool:
    """Tell whether a value may be written down as it is: it is no secret, and nothing has to be put into it."""
    return value.isprintable() and not is_secret(name, value) and not _OPEN.search(value) and len(value) <= LONGEST


def is_secret(name: str, value: str) -> bool:
    """Tell whether a variable may be a secret, by its name or by its value; rather once too often."""
    upper = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).upper()
    if any(_SECRET_WORD.fullmatch(word) for word in upper.split("_")) or _SECRET_PART.search(upper.replace("_", "")):
        return True
    if _USERINFO.search(value) or "-----BEGIN" in value:
        return True
    return any(_looks_random(word) for word in re.split(r"[\s,;:/?&=\"']+", value))


def secret_option(words: Sequence[str]) -> str:
    """Return the option of a command whose value may be a secret, by its name or as part of an address; "" for none."""
    for word, after in zip_longest(words, words[1:], fillvalue=""):
        name, equals, value = word.partition("=")
        value = value if equals else "" if after.startswith("-") else after
        plain = not value or value.startswith("$")
        if name.startswith("--") and not plain and is_secret(name.strip("-").replace("-", "_"), ""):
            return name
        if _USERINFO.search(word):
            return name if equals else "one"
    return ""


def _looks_random(word: str) -> bool:
    """Tell whether a word has the length, and the mixture of characters, of a key."""
    if not _RANDOM.fullmatch(word) or re.fullmatch(r"[\d.]+", word):
        return False
    return bool(re.search(r"\d", word)) and bool(re.search(r"[A-Za-z]", word)) and not re.search(r"\.\w{2,4}$", word)


def service_in(value: str, services: Set[str]) -> str:
    """Return the service that an address, or a list of them, names as a host; "" for none."""
    found = re.findall(r"(?:^|(?<=[/@,;=]))([A-Za-z][\w.-]*)(?=[:/,;]|$)(?!://)", value)
    return next((one for one in found if one in services), "")
