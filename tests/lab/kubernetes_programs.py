"""Kubernetes 1.20, which Debian 12 has as source: built once, and kept in the lab's cache beside its images.

No registry that we may ask has a newer one with its server. The image has what a node needs besides (containerd, etcd,
the plugins of the network) and the compiler; the programs are a folder of their own that is laid over it.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from homeport.lab import Lab, recipe
from homeport.lab.machine import cache_directory, progress

PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
NODE = (
    *("containerd", "runc", "etcd-server", "kubernetes-client", "containernetworking-plugins"),
    *("iptables", "conntrack", "ethtool", "socat"),
)
COMPILER = ("golang-1.19-go", "gcc", "libc6-dev", "make", "rsync", "dpkg-dev")
# `make` asks git for the version; a source package has no repository.
BUILD = f"""\
set -eu
cd /build
mkdir -p apt lists/partial gopath/src/k8s.io
sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >apt/source.sources
own="-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/build/apt -o Dir::State::Lists=/build/lists"
own="$own -o APT::Sandbox::User=root -o Acquire::http::Proxy=${{PROXY:-DIRECT}}"
apt-get $own -q update
apt-get $own -q source --download-only kubernetes
dpkg-source --no-check -x kubernetes_*.dsc gopath/src/k8s.io/kubernetes
cd gopath/src/k8s.io/kubernetes
version=$(dpkg-parsechangelog --show-field Version | sed 's/.*really//; s/-.*//')
cat >/build/version <<END
KUBE_GIT_COMMIT=debian
KUBE_GIT_TREE_STATE=archive
KUBE_GIT_VERSION=v$version
KUBE_GIT_MAJOR=1
KUBE_GIT_MINOR=20
END
export PATH=/usr/lib/go-1.19/bin:$PATH HOME=/build GOPATH=/build/gopath GOCACHE=/build/go GO111MODULE=off
make KUBE_GIT_VERSION_FILE=/build/version KUBE_BUILD_PLATFORMS=linux/$(go env GOARCH) \\
    WHAT="{" ".join(f"cmd/{one}" for one in PROGRAMS)}"
mkdir -p /build/done/usr/local/bin
cp {" ".join(f"_output/bin/{one}" for one in PROGRAMS)} /build/done/usr/local/bin
# What holds the namespaces of a pod, and is its first process.
gcc -Os -static -o /build/done/usr/local/bin/pause build/pause/linux/pause.c
"""


def layers(lab: Lab) -> tuple[Path, Path]:
    """Return the folder with the programs and the image that it is laid over; what is not in the cache is made."""
    wanted = recipe.recipe("bookworm", packages=(*NODE, *COMPILER), script="mkdir /build\n")
    image = cache_directory() / "images" / f"kubernetes-{wanted.digest()}"
    programs = cache_directory() / "images" / f"kubernetes-programs-{hashlib.sha256(BUILD.encode()).hexdigest()[:12]}"
    if image.exists() and programs.exists():
        return programs, image
    image.parent.mkdir(parents=True, exist_ok=True)
    proxy = lab.context().local_cache_url
    with (image.parent / "kubernetes.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.exists():
            progress("building the image of a Kubernetes node (about a minute) …")
            new = _empty(image)
            recipe.build(wanted, new, apt_proxy=proxy)
            new.rename(image)
        if not programs.exists():
            progress("building Kubernetes from Debian's source (ten minutes or more) …")
            _compile(image, programs, proxy)
    return programs, image


def _compile(image: Path, target: Path, proxy: str) -> None:
    """Compile in the image, in a folder beside `target`; all but the programs is removed."""
    folder = _empty(target)
    folder.mkdir()
    (folder / "build.sh").write_text(BUILD)
    mounts = "".join(f"mount --rbind /{one} {image}/{one}; " for one in ("dev", "proc"))
    inside = f"set -e; {mounts} mount --bind {folder} {image}/build; exec chroot {image} sh /build/build.sh"
    log = target.with_suffix(".log")
    with log.open("wb") as output:
        command = ["unshare", "--mount", "sh", "-c", inside]
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        own = {"PATH": path, "LC_ALL": "C.UTF-8", "TMPDIR": "/build", "PROXY": proxy}
        done = subprocess.run(command, env=own, stdout=output, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, f"Kubernetes was not built: see {log}"
    (folder / "done").rename(target)
    shutil.rmtree(folder)


def _empty(path: Path) -> Path:
    """Return where a folder is made that gets the name `path` when it is whole."""
    new = path.with_name(f"{path.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    return new
