from __future__ import annotations

import pytest
from pydantic import ValidationError

from homeport.settings import Settings
from tests.state.builders import make_settings, make_wanted


def sandboxes(**data: object) -> list[str]:
    """Return the release's service units, each with its sandbox."""
    wanted = make_wanted(make_settings(processes={"worker": "w"}, timers={"t": TIMER}, **data))
    units = [file.content for file in wanted.release.etc if file.path.endswith(".service")]
    assert len(units) == 4
    return units


TIMER = {"command": "t", "schedule": "daily"}


def lines(unit: str, name: str) -> list[str]:
    return [line.removeprefix(f"{name}=") for line in unit.splitlines() if line.startswith(f"{name}=")]


def test_every_unit_of_a_release_has_the_whole_sandbox_by_default() -> None:
    for unit in sandboxes():
        assert lines(unit, "MemoryDenyWriteExecute") == lines(unit, "PrivateDevices") == ["yes"]
        assert lines(unit, "ReadWritePaths") == lines(unit, "DeviceAllow") == []
        assert lines(unit, "IPAddressDeny") == ["any"]
        assert "0.0.0.0/1" in lines(unit, "IPAddressAllow")[0]


def test_each_switch_opens_what_it_says_in_every_unit() -> None:
    for unit in sandboxes(
        sandbox_network="local", sandbox_jit=True, sandbox_writable_paths="/srv/a,/b", sandbox_devices=["/dev/kvm"]
    ):
        assert lines(unit, "IPAddressAllow") == ["localhost"]
        assert lines(unit, "MemoryDenyWriteExecute") == lines(unit, "PrivateDevices") == []
        assert lines(unit, "ReadWritePaths") == ["/srv/a /b"]
        assert lines(unit, "DeviceAllow") == ["/dev/kvm rw"]
        assert lines(unit, "DevicePolicy") == ["closed"]
    assert lines(sandboxes(sandbox_network="10.0.0.0/8")[0], "IPAddressAllow") == ["localhost 10.0.0.0/8"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sandbox_network", "everything"),
        ("sandbox_network", ["10.0.0.1/8"]),
        ("sandbox_writable_paths", ["relative"]),
        ("sandbox_writable_paths", ["/a b"]),
        ("sandbox_writable_paths", ["/a/../etc"]),
        ("sandbox_writable_paths", ["/%h"]),
        ("sandbox_devices", ["/etc/passwd"]),
    ],
)
def test_a_path_that_a_unit_cannot_have_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.model_validate({"app_name": "notes", "domain": "notes.example.com", name: value})


@pytest.mark.parametrize(
    "content",
    [
        *("/var/lib/notes/x.so", "libjemalloc.so.2:/data/x.so", "/usr/lib/x.so /tmp/y.so"),
        *("/usr/../var/lib/notes/x.so", "../../../../var/lib/notes/x.so"),
    ],
)
@pytest.mark.parametrize("name", ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT"])
def test_root_loads_no_library_from_where_the_application_may_write(name: str, content: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} names a file outside /usr, /lib, /opt, /srv") as refusal:
        make_settings(environment={name: content})
    assert content not in str(refusal.value).partition("[type=")[0]


@pytest.mark.parametrize(
    "content", ["libjemalloc.so.2", "/usr/lib/x.so:/lib/y.so", "/opt/oracle/lib", "lib", "", "./x.so"]
)
def test_libraries_of_the_system_and_of_the_release_are_loaded(content: str) -> None:
    assert make_settings(environment={"LD_LIBRARY_PATH": content}).environment == {"LD_LIBRARY_PATH": content}
