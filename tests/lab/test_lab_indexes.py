"""Which of the machine's pip, uv, apt and proxy settings a host gets."""

from __future__ import annotations

import configparser
import tomllib

import pytest

from homeport.lab import indexes

DEFAULT = "https://index.test/simple"


def test_the_strongest_default_index_comes_first_and_extra_ones_follow() -> None:
    variables = {"PIP_EXTRA_INDEX_URL": "https://extra.test/simple https://second.test/simple/"}
    file = "[global]\nindex-url = https://company.test/simple/\n[install]\nextra-index-url =\n  https://extra.test/simple\n"
    found = indexes.from_pip(variables, [file])
    assert indexes.merge(found, DEFAULT) == [
        "https://company.test/simple",
        "https://extra.test/simple",
        "https://second.test/simple",
    ]


def test_without_any_setting_the_tools_own_default_is_used() -> None:
    assert indexes.merge(indexes.from_pip({}, []), DEFAULT) == [DEFAULT]
    assert indexes.merge([], "") == []


def test_settings_that_only_this_machine_can_use_are_left_out() -> None:
    file = "[global]\nextra-index-url = file:///opt/index/simple\nfind-links = /opt/wheels\nconstraint = /etc/c.txt\n"
    assert indexes.merge(indexes.from_pip({}, [file]), DEFAULT) == [DEFAULT]


def test_a_damaged_pip_file_counts_as_empty() -> None:
    assert indexes.from_pip({}, ["index-url = x\n[global"]) == []


def test_uvs_variables_and_files_are_understood() -> None:
    variables = {"UV_DEFAULT_INDEX": "https://one.test/simple", "UV_INDEX": "named=https://two.test/simple"}
    file = tomllib.loads('index-url = "https://three.test"\n[[index]]\nurl = "https://four.test"\n')
    assert indexes.from_uv(variables, [file]) == [
        (True, "https://one.test/simple"),
        (False, "https://two.test/simple"),
        (True, "https://three.test"),
        (False, "https://four.test"),
    ]


def test_pips_help_names_its_default_index_even_over_a_line_break() -> None:
    text = (
        "  -i, --index-url <url>  Base URL of the Python Package Index (default\n      https://index.test/simple). This"
    )
    assert indexes.from_pip_help(text) == DEFAULT
    assert indexes.from_pip_help("usage: pip") == ""


def test_only_apt_settings_for_downloads_that_a_host_can_use_are_kept() -> None:
    kept = ['Acquire::Check-Valid-Until "false";', 'Acquire::https::Proxy "http://proxy.test:3128";']
    dropped = [
        'Acquire::http::Proxy "http://127.0.0.1:3142";',
        'Acquire::http::Proxy-Auto-Detect "/usr/bin/detect";',
        'Acquire::https::CaInfo "/etc/company.pem";',
        'APT::Install-Recommends "false";',
        'DPkg::Post-Invoke "rm -rf /";',
    ]
    assert indexes.apt_settings("\n".join([*dropped, *kept])) == "\n".join([*kept, ""])


def test_apts_proxy_for_plain_http_is_found() -> None:
    assert indexes.apt_proxy('Acquire::http::Proxy "http://proxy.test:3128";\n') == "http://proxy.test:3128"
    assert indexes.apt_proxy('Acquire::http::Proxy "DIRECT";\n') == ""


def test_proxy_variables_reach_the_host_in_both_spellings_and_spare_the_lab() -> None:
    variables = {"HTTPS_PROXY": "http://proxy.test:3128", "no_proxy": ".company.test", "PATH": "/bin"}
    assert indexes.proxy_variables(variables, direct=".lab.test") == {
        "https_proxy": "http://proxy.test:3128",
        "HTTPS_PROXY": "http://proxy.test:3128",
        "no_proxy": ".company.test,.lab.test",
        "NO_PROXY": ".company.test,.lab.test",
    }


@pytest.mark.parametrize("proxy", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080", ""])
def test_a_proxy_on_the_machines_loopback_means_none_for_the_host(proxy: str) -> None:
    assert indexes.proxy_variables({"http_proxy": proxy, "no_proxy": "a.test"}, direct=".lab.test") == {}


def test_pips_and_uvs_files_read_back_as_what_was_meant() -> None:
    urls = ["http://cache.test/index/0", "http://cache.test/index/1"]
    pip = configparser.ConfigParser()
    pip.read_string(indexes.pip_conf(urls, "cache.test"))
    assert pip["global"]["index-url"] == urls[0]
    assert pip["global"]["extra-index-url"].split() == urls[1:]
    assert pip["global"]["trusted-host"] == "cache.test"
    uv = tomllib.loads(indexes.uv_toml(urls, own_certificates=True))
    assert uv == {"system-certs": True, "index": [{"url": urls[0], "default": True}, {"url": urls[1]}]}
