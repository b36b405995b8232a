"""The Python of Debian 13 on a machine with Debian 12, where uv keeps those that it has brought: none can be loaded.

It comes with the libraries that it is linked to, and is started by its own loader: Debian 12's glibc is too old for it.
"""

from __future__ import annotations

import io
import platform
import re
import subprocess
import tarfile
from pathlib import Path

from homeport.lab import Lab, LabHost, images
from homeport.lab.ssh import command_line

VERSION = "3.13"
PROGRAM = f"""#!/bin/sh
own=$(dirname "$(dirname "$(readlink -f "$0")")")/lib/own
exec "$own/loader" --argv0 "$0" --library-path "$own" "$own/python{VERSION}" "$@"
"""


def put(lab: Lab, host: LabHost) -> None:
    """Put it there."""
    image = images.base_image("trixie")
    linked = _in(image, f"ldd /usr/bin/python{VERSION} /usr/lib/python{VERSION}/lib-dynload/*.so")
    libraries = sorted(set(re.findall(r"(?<=\s)/\S+\.so\S*(?= \(0x)", linked)))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path in libraries:
            name = path.rpartition("/")[2]
            tar.add((image / path.lstrip("/")).resolve(), f"lib/own/{'loader' if name.startswith('ld-') else name}")
        tar.add(image / "usr/bin" / f"python{VERSION}", f"lib/own/python{VERSION}")
        tar.add(image / "usr/lib" / f"python{VERSION}", f"lib/python{VERSION}", filter=_needed)
        program = tarfile.TarInfo(f"bin/python{VERSION}")
        program.size, program.mode = len(PROGRAM), 0o755
        tar.addfile(program, io.BytesIO(PROGRAM.encode()))
    version = _in(image, "python3 -BIc 'import platform; print(platform.python_version())'").strip()
    place = f"/usr/local/lib/homeport/python/cpython-{version}-linux-{platform.machine()}-gnu"
    receive = f"sudo sh -c 'mkdir -p {place} && tar -xzf - -C {place} && ln -s python{VERSION} {place}/bin/python3'"
    words = [*command_line(lab.directory, host, "-o", "BatchMode=yes"), "--", receive]
    subprocess.run(words, input=packed.getvalue(), check=True)


def _in(image: Path, command: str) -> str:
    return subprocess.run(["chroot", image, "sh", "-c", command], check=True, capture_output=True, text=True).stdout


def _needed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    # Debian's word that pip must not install there is not in what uv brings.
    left_out = re.search(r"/(__pycache__|test|EXTERNALLY-MANAGED)(/|$)", member.name)
    return None if left_out else member
