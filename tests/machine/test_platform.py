from __future__ import annotations

import pytest

from homeport.machine.platform import ARCHITECTURES, SUPPORTED, has_http2_directive, key_exchange_groups, unsupported
from homeport.state.snapshot import MachineFound


@pytest.mark.parametrize(("system", "version"), sorted(SUPPORTED))
@pytest.mark.parametrize("architecture", sorted(ARCHITECTURES))
def test_a_supported_system_is_taken(system: str, version: str, architecture: str) -> None:
    assert unsupported(MachineFound(system, version, architecture)) is None


@pytest.mark.parametrize(
    ("system", "version", "named"),
    [
        ("debian", "11", "debian 11"),
        ("ubuntu", "22.04", "ubuntu 22.04"),
        ("alpine", "3.20", "alpine 3.20"),
        ("", "", "this system"),
    ],
)
def test_another_system_is_refused_by_name_with_those_that_would_do(system: str, version: str, named: str) -> None:
    problem = unsupported(MachineFound(system, version))
    assert problem
    assert problem.startswith(named)
    assert "Debian 12, Debian 13, Ubuntu 24.04" in problem


def test_another_architecture_is_refused_by_name() -> None:
    assert unsupported(MachineFound("debian", "12", "armhf")) == (
        "the architecture armhf is not supported (supported: amd64, arm64)"
    )


def test_nginx_since_1_25_wants_http2_as_a_directive() -> None:
    assert not has_http2_directive(MachineFound("debian", "12"))
    assert not has_http2_directive(MachineFound("ubuntu", "24.04"))
    assert has_http2_directive(MachineFound("debian", "13"))


def test_the_hybrid_group_comes_first_where_openssl_knows_it_and_is_left_out_elsewhere() -> None:
    assert key_exchange_groups(MachineFound("debian", "12")) == "X25519:prime256v1:secp384r1"
    assert key_exchange_groups(MachineFound("ubuntu", "24.04")) == "X25519:prime256v1:secp384r1"
    assert key_exchange_groups(MachineFound("debian", "13")) == "?X25519MLKEM768:X25519:prime256v1:secp384r1"
