from __future__ import annotations

import pytest

from homeport.settings import Settings
from homeport.state.snapshot import MachineFound
from homeport.state.wanted import Wanted
from tests.state.builders import make_settings, make_wanted

ALL_OFF = {
    "security_upgrades": False,
    "journal_max_megabytes": None,
    "log_rotation": False,
    "time_synchronisation": False,
    "kernel_hardening": False,
    "swap_megabytes": None,
}


def text(wanted: Wanted, path: str) -> str:
    [file] = [file for file in wanted.part.files if file.path == path]
    return file.content


def instance(wanted: Wanted) -> str:
    [name] = [unit.name for unit in wanted.part.units if unit.name.startswith("homeport-upkeep@")]
    return name


def test_by_default_a_machine_is_kept_up_and_never_reboots_by_itself() -> None:
    wanted = make_wanted()
    assert {"unattended-upgrades", "logrotate", "systemd-timesyncd"} <= set(wanted.part.packages)
    # The machine's owner may have said something else.
    assert "Automatic-Reboot" not in text(wanted, "/etc/apt/apt.conf.d/52homeport")
    assert "SystemMaxUse=500M" in text(wanted, "/etc/systemd/journald.conf.d/homeport.conf")
    assert "{" not in text(wanted, "/etc/sysctl.d/60-homeport.conf")


def test_the_reboot_window_is_what_the_setting_says() -> None:
    file = text(make_wanted(make_settings(reboot_time="03:30")), "/etc/apt/apt.conf.d/52homeport")
    assert 'Automatic-Reboot "true"' in file
    assert 'Automatic-Reboot-Time "03:30"' in file


def test_another_time_service_is_left_alone() -> None:
    part = make_wanted(machine=MachineFound(keeps_time=True)).part
    assert "systemd-timesyncd" not in part.packages
    assert "systemd-timesyncd.service" not in {unit.name for unit in part.units}


def test_each_part_can_be_switched_off_and_is_taken_away() -> None:
    on, off = make_wanted().part, make_wanted(make_settings(**ALL_OFF)).part
    assert not {"unattended-upgrades", "logrotate", "systemd-timesyncd"} & set(off.packages)
    gone = {file.path for file in on.files} - {file.path for file in off.files}
    # Debian's own file is the one that ours has replaced.
    assert gone - {"/etc/logrotate.d/nginx"} <= set(off.absent)
    assert len(gone) == 7


def test_other_settings_are_another_instance_to_be_brought_into_effect() -> None:
    names = {
        instance(make_wanted(make_settings(**data)))
        for data in ({}, {"journal_max_megabytes": 600}, {"swap_megabytes": 64}, {"kernel_hardening": False})
    }
    assert len(names) == 4
    assert instance(make_wanted()) == instance(make_wanted(make_settings(workers=3), MachineFound(keeps_time=True)))


@pytest.mark.parametrize("time", ["3:30", "24:00", "03:60", "03:30\n", "now"])
def test_a_time_that_is_none_is_refused(time: str) -> None:
    with pytest.raises(ValueError, match="reboot_time"):
        Settings.model_validate({"app_name": "notes", "domain": "notes.example.com", "reboot_time": time})
