"""What the QEMU backend decides: accelerator, architecture, network card, first files. No machine is needed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from homeport.errors import LabError, UsageError
from homeport.lab import qemu
from homeport.lab.context import LabContext
from homeport.lab.model import LabDirectory, LabHost
from homeport.lab.network import Network
from homeport.lab.qemu_choice import ARCHITECTURES, accelerator, architecture
from homeport.lab.qemu_command import QemuMachine, bridged, in_user_mode, user_mode
from homeport.lab.qemu_image import BaseImage
from homeport.lab.recipe import ImageFile

PC = ARCHITECTURES["x86_64"]
NETWORK = Network("a1b2c3", 7)


def computer(folder: Path, flags: str, *, device: bool = True) -> tuple[Path, Path]:
    (folder / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu {flags} sse2\n")
    if device:
        (folder / "kvm").touch()
    return folder / "cpuinfo", folder / "kvm"


@pytest.mark.parametrize(
    ("flags", "device", "expected"),
    [("vmx", True, "kvm"), ("svm", True, "kvm"), ("", True, "tcg"), ("vmx", False, "tcg"), ("vmxx", True, "tcg")],
)
def test_the_hardware_is_used_only_where_processor_and_device_allow(
    tmp_path: Path, flags: str, device: bool, expected: str
) -> None:
    assert accelerator(PC, {}, *computer(tmp_path, flags, device=device)) == expected


def test_the_user_has_the_last_word_on_the_accelerator(tmp_path: Path) -> None:
    with_hardware = computer(tmp_path, "vmx")
    assert accelerator(PC, {"HOMEPORT_LAB_ACCEL": "tcg"}, *with_hardware) == "tcg"
    with pytest.raises(UsageError, match="HOMEPORT_LAB_ACCEL: 'fast' is not an accelerator; take kvm or tcg"):
        accelerator(PC, {"HOMEPORT_LAB_ACCEL": "fast"}, *with_hardware)


def test_an_unknown_architecture_is_refused_in_one_line() -> None:
    with pytest.raises(LabError, match="does not know the architecture 'riscv64'; it runs on x86_64, aarch64"):
        architecture("riscv64")


def test_a_bridged_machine_has_the_address_that_the_lab_gave_it() -> None:
    card = bridged(NETWORK, 11, "hpa1b2c3t11")
    text = card.guest_file().content.decode()
    assert "Address=10.213.7.11/24\n" in text
    assert "Gateway=10.213.7.1\n" in text
    assert f"MACAddress={card.mac}\n" in text


def test_without_root_ports_on_the_loopback_lead_to_the_machine() -> None:
    card = user_mode("127.213.7.11", {2222: 22, 8443: 443})
    assert "hostfwd=tcp:127.213.7.11:2222-:22,hostfwd=tcp:127.213.7.11:8443-:443" in card.backend


def test_without_root_a_machine_knows_the_labs_services_by_name() -> None:
    given = [
        ImageFile("/etc/hosts", b"127.0.0.1 localhost\n"),
        ImageFile("/etc/resolv.conf", b"nameserver 127.0.0.1\n"),
    ]
    changed = {file.path: file.content.decode() for file in in_user_mode(given)}
    assert changed["/etc/hosts"].splitlines() == ["127.0.0.1 localhost", "10.0.2.2 acme.lab.test cache.lab.test"]
    assert changed["/etc/resolv.conf"] == "nameserver 10.0.2.3\n"


@pytest.mark.parametrize(("accel", "processor"), [("tcg", "Nehalem-v1"), ("kvm", "max")])
def test_the_disk_honours_flushes_and_commas_in_paths_are_escaped(accel: str, processor: str) -> None:
    folder = Path("/a,b")
    machine = QemuMachine(BaseImage(Path("/base")), folder, user_mode("127.0.0.1", {}), Path("/log"))
    line = machine.command_line(PC, accel)
    disk = next(part for part in line if "disk.qcow2" in part)
    assert "cache=writeback" in disk
    assert "file=/a,,b/disk.qcow2" in disk
    assert line[line.index("-cpu") + 1] == processor


def test_a_machine_that_begins_with_a_layer_has_its_own_files_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = LabContext(LabDirectory(tmp_path / "lab"), NETWORK)
    host = LabHost("web1", NETWORK.address(11), 22, "debian", "bookworm", "qemu")
    disk, archive, root = tmp_path / "disk", tmp_path / "layer.tar", tmp_path / "root"
    for name, text in (("etc/hostname", "another"), ("usr/bin/tool", "tool")):
        (disk / name).parent.mkdir(parents=True)
        (disk / name).write_text(text)
    subprocess.run(["tar", "-c", "--format=gnu", "-f", archive, "-C", disk, "."], check=True)
    monkeypatch.setattr(qemu, "base_image", lambda *_, **__: BaseImage(tmp_path))
    monkeypatch.setattr(qemu, "run", lambda _: None)
    backend = qemu.QemuBackend(context)
    monkeypatch.setattr(backend, "_files", lambda _: [ImageFile("/etc/hostname", b"web1\n")])

    backend.begin_with("web1", archive)
    backend._make_disk(host)
    root.mkdir()
    subprocess.run(["tar", "-x", "-f", context.host_directory("web1") / "files.tar", "-C", root], check=True)

    assert (root / "etc/hostname").read_text() == "web1\n"
    assert (root / "usr/bin/tool").read_text() == "tool"
