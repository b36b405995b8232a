"""Where the hosts' Python packages and other downloads come from: the machine's own pip, uv, apt and proxy settings,
filtered.

What is local to the machine (file:// indexes, find-links, constraints, certificates by path, a proxy on its
loopback) does not exist in the hosts and is left out. Pure, but for the functions named `read_…`. No registry's name
is written here.
"""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from homeport.lab.machine import cache_directory

LOOPBACK = re.compile(r"^(localhost|127\.|\[?::1)")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
APT_SETTINGS = re.compile(
    r"^Acquire::(Check-Valid-Until|Check-Date|Retries|Languages|ForceIPv4|Max-FutureTime"
    r"|https?::(?!Proxy-Auto|CaInfo|CaPath|SslCert|SslKey)[\w:.-]+) "
)


@cache
def read_indexes() -> tuple[str, ...]:
    """Return the machine's Python package indexes, the default one first; empty when neither pip nor uv is known to
    it.
    """
    environment = dict(os.environ)
    configured = from_pip(environment, [_text(file) for file in _pip_files(environment)])
    configured += from_uv(environment, [_toml(file) for file in _uv_files(environment)])
    known = any(is_default for is_default, _ in configured)
    return tuple(merge(configured, "" if known else _pip_default()))


def from_pip(environment: Mapping[str, str], files: Iterable[str]) -> list[tuple[bool, str]]:
    """Return (is it the default, URL) for the indexes in pip's variables and files, the strongest first, as pip's
    manual says.
    """
    found = [
        (name == "PIP_INDEX_URL", url)
        for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL")
        for url in environment.get(name, "").split()
    ]
    for text in files:
        parser = configparser.RawConfigParser(strict=False)
        with suppress(configparser.Error):
            parser.read_string(text)
        for section in ("install", "global"):
            for key in ("index-url", "extra-index-url"):
                value = parser.get(section, key, fallback="")
                found += [(key == "index-url", url) for url in value.split()]
    return found


def from_uv(environment: Mapping[str, str], files: Iterable[Mapping[str, object]]) -> list[tuple[bool, str]]:
    """Return (is it the default, URL) for the indexes that uv's variables and its `uv.toml` files name."""
    found = []
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        for url in environment.get(name, "").split():
            found.append((name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"), re.sub(r"^[\w-]+=", "", url)))
    for file in files:
        if isinstance(default := file.get("index-url"), str):
            found.append((True, default))
        listed = file.get("index")
        tables = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
        found += [(bool(one.get("default")), str(one.get("url"))) for one in tables]
    return found


def from_pip_help(text: str) -> str:
    """Return the index that pip would use without any setting, as its own help names it; empty when it does not."""
    match = re.search(r"\(default\s+(https?://[^)\s]+)\)", text)
    return match[1] if match else ""


def merge(configured: Iterable[tuple[bool, str]], default: str) -> list[str]:
    """Return the index URLs that a host can use, the default one first, each once."""
    usable = [
        (is_default, url.rstrip("/")) for is_default, url in configured if url.startswith(("http://", "https://"))
    ]
    first = next((url for is_default, url in usable if is_default), default.rstrip("/"))
    return [url for url in dict.fromkeys([first, *(url for is_default, url in usable if not is_default)]) if url]


def read_apt_settings() -> str:
    """Return the part of the machine's apt settings that its downloads depend on, in apt's own format."""
    try:
        return apt_settings(subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False).stdout)
    except FileNotFoundError:
        return ""


def apt_settings(dump: str) -> str:
    """Return those lines of `apt-config dump` that say how to download, without proxies that only this machine can
    reach.
    """
    lines = [line for line in dump.splitlines() if APT_SETTINGS.match(line)]
    return "".join(f"{line}\n" for line in lines if not _names_loopback(line))


def apt_proxy(settings: str) -> str:
    """Return the proxy for plain HTTP that apt's settings name, or an empty string."""
    match = re.search(r'(?m)^Acquire::http::Proxy "(https?://[^"]+)";', settings)
    return match[1] if match else ""


def proxy_variables(environment: Mapping[str, str], *, direct: str) -> dict[str, str]:
    """Return the proxy variables for a host; `direct` names what it reaches without a proxy (comma-separated)."""
    lower = {key.lower(): value for key, value in environment.items() if key.lower() in PROXY_VARIABLES and value}
    kept = {key: value for key, value in lower.items() if key == "no_proxy" or not _names_loopback(value)}
    if set(kept) <= {"no_proxy"}:
        return {}
    kept["no_proxy"] = ",".join(filter(None, (kept.get("no_proxy", ""), direct)))
    return {name: value for key, value in kept.items() for name in (key, key.upper())}


def pip_conf(urls: list[str], trusted: str) -> str:
    """Return a host's /etc/pip.conf for these indexes, on a server without TLS that is to be trusted."""
    lines = ["[global]", f"index-url = {urls[0]}"]
    if urls[1:]:
        lines += ["extra-index-url =", *(f"    {url}" for url in urls[1:])]
    return "\n".join([*lines, f"trusted-host = {trusted}", ""])


def uv_toml(urls: list[str], *, own_certificates: bool) -> str:
    """Return a host's /etc/uv/uv.toml; uv looks at the system's trust store only when told to."""
    head = "system-certs = true\n\n" if own_certificates else ""
    tables = [
        f'[[index]]\nurl = "{url}"\n' + ("default = true\n" if number == 0 else "") for number, url in enumerate(urls)
    ]
    return head + "\n".join(tables)


def _names_loopback(text: str) -> bool:
    match = re.search(r"https?://\S+", text)
    target = match[0].strip('";') if match else text
    return bool(LOOPBACK.match(urlsplit(target).hostname or target))


def _pip_default() -> str:
    """Return the index that pip uses without any setting; asking pip takes a second, so the answer is kept."""
    kept = cache_directory() / "default-index"
    if kept.exists():
        return kept.read_text().strip()
    for python in (sys.executable, "python3", "/usr/bin/python3"):  # a virtual environment made by uv has no pip
        with suppress(FileNotFoundError):
            done = subprocess.run(
                [python, "-m", "pip", "install", "--help"], capture_output=True, text=True, check=False
            )
            if url := from_pip_help(done.stdout):
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(f"{url}\n")
                return url
    return ""


def _pip_files(environment: Mapping[str, str]) -> list[Path]:
    """Return pip's configuration files, the strongest first."""
    home = Path.home()
    user = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    shared = [Path(folder) / "pip/pip.conf" for folder in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")]
    named = [Path(file)] if (file := environment.get("PIP_CONFIG_FILE")) else []
    site = Path(sys.prefix) / "pip.conf"
    return [*named, site, user / "pip/pip.conf", home / ".pip/pip.conf", Path("/etc/pip.conf"), *shared]


def _uv_files(environment: Mapping[str, str]) -> list[Path]:
    """Return uv's configuration files, the strongest first."""
    home = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return [home / "uv/uv.toml", Path("/etc/uv/uv.toml")]


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _toml(file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError:
        return {}
