"""Names and addresses of a lab."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import LabError, UsageError
from homeport.lab import dns, names
from homeport.lab.model import LabHost
from homeport.lab.network import Network, choose_third

LAB = names.lab_id(Path("/somewhere/.lab"))
NETWORK = Network(LAB, 7)


def test_two_directories_are_two_labs_and_a_link_is_the_same_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert names.lab_id(tmp_path / "a") != names.lab_id(tmp_path / "b")
    assert names.lab_id(tmp_path / "link") == names.lab_id(tmp_path / "a")


@given(st.integers(1, 254), st.sampled_from("vt"))
def test_interface_names_fit_into_the_kernels_15_characters(number: int, kind: str) -> None:
    assert len(names.link(LAB, number, kind)) <= 15
    assert len(names.bridge(LAB)) <= 15


@pytest.mark.parametrize(
    "name", ["", "Web1", "1web", "web_1", "web1-", "-web", "a.b", "a/b", "x" * 31, "acme", "cache"]
)
def test_a_name_that_is_no_dns_label_or_is_taken_by_the_lab_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a host's name"):
        names.check_host_name(name)


@pytest.mark.parametrize("name", ["web1", "db", "a-b-9", "x" * 30])
def test_a_dns_label_is_a_good_name(name: str) -> None:
    assert names.check_host_name(name) == name


def test_numbered_hosts_have_fixed_addresses_and_others_get_free_ones() -> None:
    assert NETWORK.free_address("web1", set()) == "10.213.7.11"
    assert NETWORK.free_address("web200", set()) == "10.213.7.210"
    assert NETWORK.free_address("db", set()) == "10.213.7.211"
    assert NETWORK.free_address("web201", {"10.213.7.211"}) == "10.213.7.212"


def test_a_full_lab_says_so() -> None:
    with pytest.raises(LabError, match="no address is left"):
        NETWORK.free_address("db", {NETWORK.address(number) for number in range(255)})


def test_a_network_in_use_is_not_chosen_again() -> None:
    first = choose_third(LAB, [])
    second = choose_third(LAB, [f"10.213.{first}.1/24", "192.0.2.0/24", "fd00::/64", "0.0.0.0/0"])
    assert first != second
    with pytest.raises(LabError, match="in use"):
        choose_third(LAB, ["10.0.0.0/8"])


def test_without_root_everything_is_on_the_loopback_device() -> None:
    network = Network(LAB, 7, loopback=True)
    assert network.gateway == "127.0.0.1"
    assert network.free_address("web1", set()) == "127.213.7.11"
    assert min(network.dns_port, network.ssh_port, network.http_port, network.https_port) >= 1024


def test_the_name_server_knows_services_numbered_and_named_hosts() -> None:
    host = LabHost("db", "10.213.7.211", 22, "debian", "bookworm", "nspawn")
    lines = dns.configuration(NETWORK, [host]).splitlines()
    assert {"address=/acme.lab.test/10.213.7.1", "address=/web9.lab.test/10.213.7.19"} <= set(lines)
    assert "address=/db.lab.test/10.213.7.211" in lines
    assert "local=/lab.test/" in lines
    # Another group than its starter's would hide it from a root that may not trace other processes, as in a container.
    assert {"user=root", "group=root"} <= set(lines)
