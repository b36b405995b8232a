"""The domain of an application in the labels and variables that proxies for containers read. Pure."""

from __future__ import annotations

import re

from homeport.scaffold.foreign.model import Place, Reading
from homeport.scaffold.foreign.yaml_values import Value

_RULE = re.compile(r"Host\(([^)]*)\)")
_NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
# What nginx-proxy reads.
_VARIABLES = ("VIRTUAL_HOST", "LETSENCRYPT_HOST")
_OF_NOBODY = (".localhost", ".local", ".test", ".example", ".internal")


def take_domains(labels: Value, environment: Value, file: str, reading: Reading) -> None:
    """Take the names in Traefik's rules, and in the variables of nginx-proxy."""
    rules = [*labels.texts()] if labels.items else []
    rules += [(f"{name}={one.text}", one.line) for name, one in labels.entries.items()]
    for text, line in rules:
        if ".rule" in text:
            names = [name for hosts in _RULE.findall(text) for name in re.findall(r"[`'\"]([^`'\"]+)[`'\"]", hosts)]
            take_names(names, Place(file, line), reading)
        if "pathprefix" in text.lower():
            reading.note(Place(file, line), "a path prefix has no setting: the application has a name of its own")
    for name, one in environment.entries.items():
        if name in _VARIABLES and one.text:
            take_names(one.text.split(","), Place(file, one.line), reading)
    for text, line in environment.texts() if environment.items else ():
        name, _, value = text.partition("=")
        if name in _VARIABLES:
            take_names(value.split(","), Place(file, line), reading)


def take_names(names: list[str], place: Place, reading: Reading) -> None:
    """Take names that an application is served under, the first as `domain`."""
    plain = [name.strip() if "$" in name else name.strip().lower() for name in names if name.strip()]
    good = [name for name in plain if _NAME.fullmatch(name) and not name.endswith(_OF_NOBODY)]
    if good:
        reading.propose("domain", good[0], place)
        if others := [name for name in dict.fromkeys(good[1:]) if name != good[0]]:
            reading.propose("domain_aliases", others, place)
    for name in plain:
        if "$" in name:
            reading.note(place, f"the name {name} is set elsewhere: domain says it")
        elif name not in good and name != "localhost":
            reading.note(place, f"{name} is no domain that a certificate can be for: domain says it")
