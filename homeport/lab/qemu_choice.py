"""Which QEMU program, machine and accelerator suit this computer.

The table has one row per processor architecture. Hardware virtualisation is chosen only where the processor says that
it has it and /dev/kvm may be used: this reads /proc/cpuinfo and the device's permissions, and never opens the device.
QEMU itself goes on with software emulation where KVM cannot be set up.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from homeport.errors import LabError, UsageError

ACCELERATOR_VARIABLE = "HOMEPORT_LAB_ACCEL"
CPU_INFO = Path("/proc/cpuinfo")
KVM_DEVICE = Path("/dev/kvm")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "kvm": ("-accel", "kvm", "-accel", "tcg"),
    "tcg": ("-accel", "tcg,thread=multi,tb-size=256"),
}


@dataclass(frozen=True)
class Architecture:
    """How to emulate one processor architecture, and which of Debian's kernels runs on it."""

    program: str
    machine: str
    emulated_processor: str
    console: str
    kernel_package: str
    virtualisation_flags: frozenset[str]


ARCHITECTURES: Mapping[str, Architecture] = {
    "x86_64": Architecture(
        program="qemu-system-x86_64",
        machine="q35",
        # x86-64-v2, which binary packages ask for. "max" has AVX2, and emulating that takes half as long again to boot.
        emulated_processor="Nehalem-v1",
        console="ttyS0",
        kernel_package="linux-image-cloud-amd64",
        virtualisation_flags=frozenset({"vmx", "svm"}),
    ),
    # Not tested on such a computer. Its processors do not list virtualisation, so only the device's permissions count.
    "aarch64": Architecture(
        program="qemu-system-aarch64",
        machine="virt,gic-version=max",
        emulated_processor="max",
        console="ttyAMA0",
        kernel_package="linux-image-cloud-arm64",
        virtualisation_flags=frozenset(),
    ),
}


def architecture(machine: str | None = None) -> Architecture:
    """Return the row for a processor architecture as `uname -m` names it, this computer's own by default."""
    name = machine or platform.machine()
    try:
        return ARCHITECTURES[name]
    except KeyError:
        raise LabError(
            f"the qemu backend does not know the architecture '{name}'", fix=f"it runs on {', '.join(ARCHITECTURES)}"
        ) from None


def accelerator(
    computer: Architecture,
    environment: Mapping[str, str] = os.environ,
    cpu_info: Path = CPU_INFO,
    device: Path = KVM_DEVICE,
) -> str:
    """Return `kvm` or `tcg` (software emulation): what HOMEPORT_LAB_ACCEL asks for, else what this computer can do."""
    asked = environment.get(ACCELERATOR_VARIABLE, "")
    if asked:
        if asked not in CHOICES:
            raise UsageError(
                f"'{asked}' is not an accelerator", key=ACCELERATOR_VARIABLE, fix=f"take {' or '.join(CHOICES)}"
            )
        return asked
    usable = _has_flags(cpu_info, computer.virtualisation_flags) and os.access(device, os.R_OK | os.W_OK)
    return "kvm" if usable else "tcg"


def _has_flags(cpu_info: Path, wanted: frozenset[str]) -> bool:
    """Tell whether the processor lists one of these flags; where none is wanted there is nothing to look for."""
    if not wanted:
        return True
    lines = re.findall(r"(?m)^flags\s*:(.*)$", cpu_info.read_text()) if cpu_info.exists() else []
    return bool(wanted & set(" ".join(lines).split()))
