"""The base images of the QEMU backend: the lab's recipe plus a kernel, built once per recipe into the user's cache.

An image is a disk, a kernel and an initial RAM disk; it is never changed, as every host's disk is a layer above it.
How it is built depends on what this computer allows (see `ways.py`). The initial RAM disk unpacks a host's own files
from a second, read-only drive before anything of Debian's runs, once in the host's life. QEMU loads kernel and RAM disk
from the image's folder, so a host goes on with this kernel even when apt has installed another in it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from homeport.errors import LabError
from homeport.lab import recipe, ways
from homeport.lab.machine import cache_directory, progress, run
from homeport.lab.model import USER, Suite
from homeport.lab.qemu_choice import architecture
from homeport.lab.recipe import ImageFile, Recipe

DISK_SIZE = "10G"
FIRST_START_MARK = "/var/lib/homeport-lab/files-unpacked"
PACKAGES = ("busybox", "e2fsprogs", "initramfs-tools", "lz4")
# Only what finds the disk and mounts it: half of the usual size, and a good part of an emulated boot.
INITRAMFS = "MODULES=list\nCOMPRESS=lz4\nBUSYBOX=y\nRESUME=none\nFSTYPE=ext4\n"
MODULES = "virtio_pci\nvirtio_blk\next4\n"
# The mark is written last and the disk synchronised, so that a power cut in between means that it is done again.
UNPACK = f"""\
#!/bin/sh
[ "$1" = prereqs ] && exit 0
mark="${{rootmnt}}{FIRST_START_MARK}"
[ -e "$mark" ] && exit 0
tar -x -C "${{rootmnt}}" -f /dev/vdb || exit 1
mkdir -p "${{mark%/*}}"
: > "$mark"
sync
"""
SCRIPT = f"""\
install --directory --mode=700 --owner={USER} --group={USER} /home/{USER}/.ssh
systemctl --quiet enable systemd-networkd
systemctl --quiet mask networking.service
update-initramfs -u -k all
"""


@dataclass(frozen=True)
class BaseImage:
    """A finished image: the folder that holds the disk, the kernel and the initial RAM disk."""

    folder: Path

    @property
    def disk(self) -> Path:
        """Return the qcow2 file that hosts' disks are layers of."""
        return self.folder / "disk.qcow2"

    @property
    def kernel(self) -> Path:
        """Return the kernel."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """Return the initial RAM disk."""
        return self.folder / "initrd"


@cache
def qemu_recipe(suite: Suite) -> Recipe:
    """Return the lab's recipe for a suite with a kernel, and with what its initial RAM disk needs."""
    files = (
        ImageFile("/etc/initramfs-tools/conf.d/homeport-lab", INITRAMFS.encode()),
        ImageFile("/etc/initramfs-tools/modules", MODULES.encode()),
        ImageFile("/etc/initramfs-tools/scripts/init-bottom/homeport-lab", UNPACK.encode(), 0o755),
        ImageFile("/etc/fstab", b"/dev/vda / ext4 defaults 0 1\n"),
    )
    packages = (*PACKAGES, architecture().kernel_package)
    return recipe.recipe(suite, packages=packages, script=SCRIPT, files=files)


def base_image(suite: Suite, *, apt_proxy: str = "") -> BaseImage:
    """Return the suite's image from the cache; it is built when the cache does not hold it. Takes a minute then."""
    wanted = qemu_recipe(suite)
    image = BaseImage(cache_directory() / "images" / f"qemu-{suite}-{wanted.digest()}")
    with _lock(image.folder):
        if not image.folder.exists():
            progress(f"building the {suite} image for QEMU, once (a few minutes) …")
            _build(wanted, image, apt_proxy)
    return image


def _build(wanted: Recipe, image: BaseImage, apt_proxy: str) -> None:
    """Build beside the final place and rename, so that an interrupted build is never taken for an image."""
    work = image.folder.with_name(f"{image.folder.name}.new")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        archive, new = work / "root.tar", BaseImage(work)
        way = ways.here(image.folder.parent).build
        recipe.build(wanted, archive, format_="tar", way=way, apt_proxy=apt_proxy)
        _extract_boot_files(archive, new)
        _make_disk(archive, work, new.disk, as_owner=("fakeroot",) if "fakeroot" in ways.BUILD[way] else ())
        archive.unlink()
        work.rename(image.folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _extract_boot_files(archive: Path, image: BaseImage) -> None:
    boot = image.folder / "boot"
    run(
        [
            "tar",
            "-x",
            "-C",
            str(image.folder),
            "-f",
            str(archive),
            "--wildcards",
            "./boot/vmlinuz-*",
            "./boot/initrd.img-*",
        ]
    )
    for pattern, target in (("vmlinuz-*", image.kernel), ("initrd.img-*", image.initrd)):
        found = sorted(boot.glob(pattern))
        if not found:
            raise LabError(f"the image has no {pattern} in /boot")
        found[-1].replace(target)
    shutil.rmtree(boot)


def _make_disk(archive: Path, work: Path, disk: Path, *, as_owner: Sequence[str]) -> None:
    """Make an ext4 disk from the archive, all but device nodes; `as_owner` keeps the files' owners without root."""
    raw, tree = work / "disk.raw", work / "root"
    script = (
        'set -e; mkdir "$2"; tar -x -p --numeric-owner --exclude "./dev/*" -C "$2" -f "$1"; '
        f'mkfs.ext4 -q -F -L root -E lazy_itable_init=1 -d "$2" "$3" {DISK_SIZE}'
    )
    run([*as_owner, "env", f"PATH={_path()}", "sh", "-c", script, "sh", str(archive), str(tree), str(raw)])
    run(["qemu-img", "convert", "-q", "-O", "qcow2", str(raw), str(disk)])
    raw.unlink()
    shutil.rmtree(tree)


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Let one build of this image run at a time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
