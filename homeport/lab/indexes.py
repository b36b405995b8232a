"""Where the hosts' Python packages and other downloads come from: the machine's own pip, uv, apt and proxy settings, filtered.

What is local to the machine (file:// indexes, find-links, constraints, certificates by path, a proxy on its loopback) does not exist
in the hosts and is left out. Pure, but for the functions named `read_…`. No registry's name is written here.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

LOOPBACK = re.compile(r"^(localhost|127\.|\[?::1)")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
APT_SETTINGS = re.compile(
    r"^Acquire::(Check-Valid-Until|Check-Date|Retries|Languages|ForceIPv4|Max-FutureTime"
    r"|https?::(?!Proxy-Auto|CaInfo|CaPath|SslCert|SslKey)[\w:.-]+) "
)


def read_indexes() -> list[str]:
    """Return the machine's Python package indexes, the default one first; empty when neither pip nor uv can be asked."""
    environment = dict(os.environ)
    configured = from_pip(_output("-m", "pip", "config", "list"))
    configured += from_uv(environment, [_toml(file) for file in _uv_files(environment)])
    default = from_pip_help(_output("-m", "pip", "install", "--help"))
    return merge(configured, default)


def from_pip(listing: str) -> list[tuple[bool, str]]:
    """Return (is it the default, URL) for the indexes in the output of `pip config list`."""
    found: list[tuple[bool, str]] = []
    for key, value in re.findall(r"(?m)^(?:global|install|download|:env:)\.((?:extra-)?index-url)=(.*)$", listing):
        found += [(key == "index-url", url) for url in str(ast.literal_eval(value)).split()]
    return found


def from_uv(environment: Mapping[str, str], files: Iterable[Mapping[str, object]]) -> list[tuple[bool, str]]:
    """Return (is it the default, URL) for the indexes that uv's variables and its `uv.toml` files name."""
    found = []
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"):
        for url in environment.get(name, "").split():
            found.append((name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"), re.sub(r"^[\w-]+=", "", url)))
    for file in files:
        if isinstance(url := file.get("index-url"), str):
            found.append((True, url))
        tables = file.get("index")
        for table in tables if isinstance(tables, list) else []:
            found.append((bool(table.get("default")), str(table.get("url", ""))))
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
    """Return those lines of `apt-config dump` that say how to download, without proxies that only this machine can reach."""
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


def _output(*arguments: str) -> str:
    """Ask pip in our own interpreter, then the system's: a virtual environment made by uv has none."""
    for python in (sys.executable, "python3", "/usr/bin/python3"):
        try:
            done = subprocess.run([python, *arguments], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            continue
        if done.returncode == 0:
            return done.stdout
    return ""


def _uv_files(environment: Mapping[str, str]) -> list[Path]:
    home = Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return [home / "uv/uv.toml", Path("/etc/uv/uv.toml")]


def _toml(file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_text())
    except (OSError, tomllib.TOMLDecodeError):
        return {}
