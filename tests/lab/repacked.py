"""The distribution's own packages with a higher version, made on a machine, to upgrade as unattended-upgrades does."""

from __future__ import annotations

from tests.lab.project import Seen

PACKAGES = {"nginx": "nginx nginx-common", "haproxy": "haproxy", "caddy": "caddy"}
LIBRARY = {"bookworm": "libssl3", "trixie": "libssl3t64"}
# All packages that are made of the system's Python: a new patch level is one of them all.
OF_PYTHON = """
source=$(readlink /usr/bin/python3)
dpkg-query -W -f '${db:Status-Status} ${source:Package} ${Package}\n' | sed -n "s/^installed $source //p"
"""
# Has the next one say that it is it: its number is in the program, once, with a zero byte behind it.
PATCH_PYTHON = """
python3 - <<'END'
import platform
from pathlib import Path
old = platform.python_version()
new = old[:-1] + ("8" if old[-1] == "9" else "9")
[file] = Path("/root/debs").glob("python3.*-minimal/usr/bin/python3.*")
program = file.read_bytes()
assert program.count(old.encode() + bytes(1)) == 1
file.write_bytes(program.replace(old.encode() + bytes(1), new.encode() + bytes(1)))
print(new)
END
"""
# What depends on the very version of another one of them depends on the new one.
REPACK = """
set -eu
export LC_ALL=C
mkdir -p /root/debs && cd /root/debs
for name in {names}; do
    if [ ! -d "$name" ]; then
        apt-get -qq update
        apt-get -qq download "$name"
        dpkg-deb -R "$name"_*.deb "$name" && rm "$name"_*.deb
        mv "$name/DEBIAN/control" "$name.control"
    fi
    old=$(sed -n 's/^Version: //p' "$name.control")
    new=$old+lab{number}
    sed "s/^Version: .*/Version: $new/; s/(= $old)/(= $new)/g" "$name.control" >"$name/DEBIAN/control"
    dpkg-deb -b "$name" "$name.{number}.deb" >/dev/null
done
"""
MASTER = {
    "nginx": "cat /run/nginx.pid",
    "haproxy": "systemctl show -p MainPID --value haproxy",
    "caddy": "systemctl show -p MainPID --value caddy",
}


def prepare(seen: Seen, names: str, number: int) -> str:
    """Make packages of a higher version, and return the command that installs them.

    What was unpacked of an earlier number is taken again, with what has been changed in it.
    """
    seen.shell(REPACK.format(names=names, number=number))
    files = " ".join(f"/root/debs/{name}.{number}.deb" for name in names.split())
    return f"DEBIAN_FRONTEND=noninteractive apt-get -qq -y install {files} >/root/apt.log 2>&1"


def is_up_to_date(seen: Seen, proxy: str) -> bool:
    """Tell whether the upgrade has ended, and the proxy, as systemd follows it, runs what is on the disk."""
    if seen.property("homeport-use-upgrades@proxy.service", "ActiveState") != "inactive":
        return False
    if seen.shell(f"grep 'r-xp.* /usr.*(deleted)' /proc/$({MASTER[proxy]})/maps || true"):
        return False
    return seen.property(f"{proxy}.service", "MainPID") == seen.shell(MASTER[proxy])
