"""The recipe of every machine of the lab, for all backends: packages, files and a set-up script, and their
digest.

A recipe says how a rented Debian machine looks on its first day: systemd, sshd for keys only, a user with sudo,
python3, nothing else. What differs between hosts (name, keys, addresses) is not in it: see `hostfiles.py`. `build`
runs mmdebstrap; the rest only reads the machine.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homeport.errors import LabError
from homeport.lab import indexes, sources
from homeport.lab.authority import root_certificate
from homeport.lab.machine import SYSTEM_PATH, cache_directory, install, run
from homeport.lab.model import DOMAIN, USER, Suite
from homeport.lab.network import CACHE_PORT
from homeport.lab.ways import Build

PACKAGES = (
    *("systemd", "systemd-sysv", "libpam-systemd", "dbus", "dbus-user-session", "openssh-server"),
    *("python3", "iproute2", "procps", "ca-certificates", "sudo", "curl", "unattended-upgrades"),
)
MODES: Mapping[Build, tuple[str, ...]] = {
    "root": ("--mode=root",),
    "unmounted": ("--mode=root", "--skip=check/canmount"),
    "unshare": ("--mode=unshare",),
    # The set-up writes to a file that only a real root may write to, as it is read-only.
    "fakechroot": ("--mode=fakechroot", '--customize-hook=chmod u+w "$1/etc/machine-id"'),
}
CERTIFICATES = Path("/usr/local/share/ca-certificates")
AUTHORITY = "homeport-lab.crt"
CACHE_HOST = f"cache.{DOMAIN}"
SETUP_FILE = "root/homeport-lab-setup"
SSHD = "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin no\n"
SCRIPT = f"""\
set -eu
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/0000* /etc/apt/apt.conf.d/99mmdebstrap
useradd --create-home --shell /bin/bash --groups sudo,adm {USER}
passwd --quiet --lock {USER}
update-ca-certificates
rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id /{SETUP_FILE}
: > /etc/machine-id
"""


@dataclass(frozen=True)
class ImageFile:
    """A file that is put on a machine: absolute path, content and mode; it belongs to root unless `owner` says
    otherwise.
    """

    path: str
    content: bytes
    mode: int = 0o644
    owner: int = 0


@dataclass(frozen=True)
class Recipe:
    """How to make a suite's base image. `mirrors` is what the machine itself would use, in the deb822 format."""

    suite: Suite
    mirrors: str
    packages: tuple[str, ...] = PACKAGES
    files: tuple[ImageFile, ...] = ()
    script: str = SCRIPT
    apt_options: tuple[str, ...] = field(default=())

    def digest(self) -> str:
        """Return twelve hex digits that change with anything in the recipe."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


def recipe(suite: Suite, *, packages: Iterable[str] = (), script: str = "", files: Iterable[ImageFile] = ()) -> Recipe:
    """Return the recipe of a suite on this machine, with a backend's own packages, files and commands added."""
    found = sources.read(suite)
    if any(source.signed_by == sources.KEYRING for source in found) and not Path(sources.KEYRING).exists():
        install(["debian-archive-keyring"])
    settings = indexes.read_apt_settings()
    return Recipe(
        suite=suite,
        mirrors="\n".join(source.stanza() for source in found),
        packages=(*PACKAGES, *packages),
        files=(*_base_files(found, settings), *files),
        script=SCRIPT + script,
        apt_options=tuple(settings.splitlines()),
    )


def build(
    wanted: Recipe, target: Path, *, format_: str = "directory", way: Build = "root", apt_proxy: str = ""
) -> None:
    """Run mmdebstrap: a root file system in `target`, as a directory or a tar file (`format_`)."""
    with tempfile.TemporaryDirectory(prefix="homeport-image-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "image.sources").write_text(wanted.mirrors)
        setup = ImageFile(f"/{SETUP_FILE}", wanted.script.encode(), 0o755)
        (folder / "files.tar").write_bytes(tar((*wanted.files, setup)))
        options = [*wanted.apt_options, *([f'Acquire::http::Proxy "{apt_proxy}";'] if apt_proxy else [])]
        argv = [
            *("mmdebstrap", "--quiet", *MODES[way], "--variant=important", f"--format={format_}"),
            f"--include={','.join(wanted.packages)}",
            *(f"--aptopt={option}" for option in options),
            f"--customize-hook=tar-in {folder}/files.tar /",
            f'--customize-hook=chroot "$1" sh /{SETUP_FILE}',
            *(wanted.suite, str(target), str(folder / "image.sources")),
        ]
        path = f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}"
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "TMPDIR": str(folder), "PATH": path}
        done = run(argv, env=env, check=False)
        if done.returncode != 0:
            raise _failure(wanted.suite, done.stderr)


def _failure(suite: Suite, output: str) -> LabError:
    """Return the error for an image that could not be built, with mmdebstrap's output kept in a file."""
    log = cache_directory() / "images" / f"{suite}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(output)
    lines = [line for line in output.splitlines() if line.startswith(("E: ", "Err:"))] or ["mmdebstrap failed"]
    return LabError(f"the {suite} image could not be built: {lines[0]}", fix=f"see {log}")


def tar(files: Iterable[ImageFile]) -> bytes:
    """Return these files as a tar archive, with their modes and owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        put(archive, files)
    return buffer.getvalue()


def put(archive: tarfile.TarFile, files: Iterable[ImageFile]) -> None:
    """Write these files to a tar archive, with their modes and owners."""
    for file in files:
        member = tarfile.TarInfo(file.path.lstrip("/"))
        member.size, member.mode = len(file.content), file.mode
        member.uid = member.gid = file.owner
        archive.addfile(member, io.BytesIO(file.content))


def _base_files(found: list[sources.Source], settings: str) -> list[ImageFile]:
    """Return the files that are the same on all hosts of this machine."""
    # Where this computer is itself a machine of a lab, it trusts that one's authority under the same name.
    own = sorted(file for file in CERTIFICATES.rglob("*.crt") if file.name != AUTHORITY)
    hosts_indexes = [
        f"http://{CACHE_HOST}:{CACHE_PORT}/index/{number}" for number in range(len(indexes.read_indexes()))
    ]
    proxies = indexes.proxy_variables(os.environ, direct=f".{DOMAIN},{DOMAIN},10.213.0.0/16")
    texts = {
        "/etc/apt/sources.list.d/debian.sources": "\n".join(source.stanza() for source in found),
        "/etc/apt/apt.conf.d/90homeport-lab": settings + _cache_settings(settings),
        "/etc/ssh/sshd_config.d/50-homeport-lab.conf": SSHD,
        "/etc/default/locale": "LANG=C.UTF-8\n",
        "/etc/environment": "".join(f'{key}="{value}"\n' for key, value in proxies.items()),
        f"{CERTIFICATES}/{AUTHORITY}": root_certificate().read_text(),
    }
    if hosts_indexes:
        texts["/etc/pip.conf"] = indexes.pip_conf(hosts_indexes, CACHE_HOST)
        texts["/etc/uv/uv.toml"] = indexes.uv_toml(hosts_indexes, own_certificates=bool(own))
    files = [ImageFile(path, text.encode()) for path, text in texts.items()]
    files.append(ImageFile("/etc/sudoers.d/90-homeport-lab", f"{USER} ALL=(ALL) NOPASSWD:ALL\n".encode(), 0o440))
    files += [ImageFile(str(file), file.read_bytes()) for file in own]
    return files + _apt_secrets() + _keyrings(found)


def _cache_settings(settings: str) -> str:
    """Return apt's settings for the lab's package cache; HTTPS goes past it, as the machine itself would."""
    lines = [f'Acquire::http::Proxy "http://{CACHE_HOST}:{CACHE_PORT}";']
    if "Acquire::https::Proxy " not in settings:
        lines.append('Acquire::https::Proxy "DIRECT";')
    return "\n".join([*lines, ""])


def _apt_secrets() -> list[ImageFile]:
    files = [Path("/etc/apt/auth.conf"), *sorted(Path("/etc/apt/auth.conf.d").glob("*.conf"))]
    return [
        ImageFile(str(file), file.read_bytes(), 0o600) for file in files if file.is_file() and os.access(file, os.R_OK)
    ]


def _keyrings(found: list[sources.Source]) -> list[ImageFile]:
    """Return the keyrings that the sources name and that no package brings: those in /etc/apt."""
    paths = dict.fromkeys(Path(source.signed_by) for source in found if source.signed_by.startswith("/etc/apt/"))
    return [ImageFile(str(path), path.read_bytes()) for path in paths if path.is_file()]
