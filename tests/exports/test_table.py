"""What becomes of each setting on each ground: every one is decided, and a refusal names it."""

from __future__ import annotations

from typing import Any

import pytest

from homeport.exports.engines import ENGINES
from homeport.exports.engines.cells import ENGINES as COLUMNS
from homeport.exports.engines.reference import markdown
from homeport.exports.engines.table import TABLE, refusals
from homeport.settings import Settings
from tests.nginx_sites import BY_DNS
from tests.state.builders import make_settings

PROVIDED = {"tls": "files", "tls_certificate_file": "c", "tls_key_file": "k"}
REFUSED: dict[str, Any] = {
    "hooks_before_migration": "true",
    "hooks_after_live": "true",
    "hooks_on_failure": "true",
    "oom_policy": "kill",
    "sandbox_proc": "all",
    "migration_rehearsal": True,
    "standby": True,
}


def test_every_setting_has_a_cell_for_every_engine_and_nothing_else_has() -> None:
    assert sorted(set(Settings.model_fields) - set(TABLE)) == [], "settings that nobody has decided on"
    assert sorted(set(TABLE) - set(Settings.model_fields)) == []
    assert {name: tuple(cells) for name, cells in TABLE.items()} == dict.fromkeys(TABLE, COLUMNS)
    assert tuple(ENGINES) == COLUMNS
    assert all(cell.words for cells in TABLE.values() for cell in cells.values())


@pytest.mark.parametrize("engine", COLUMNS)
def test_the_defaults_are_refused_by_no_engine(engine: str) -> None:
    assert list(refusals(engine, make_settings())) == []


@pytest.mark.parametrize("engine", COLUMNS)
@pytest.mark.parametrize("name", REFUSED)
def test_a_setting_that_cannot_be_kept_is_refused_by_name(engine: str, name: str) -> None:
    [(key, why)] = refusals(engine, make_settings(**{name: REFUSED[name]}))
    assert key == name
    assert why == TABLE[name][engine].words


@pytest.mark.parametrize(
    ("engine", "settings", "keys"),
    [
        ("docker", {"sandbox_network": ["10.0.0.0/8"]}, ["sandbox_network"]),
        ("docker", {"sandbox_network": "local"}, ["sandbox_network"]),
        ("compose", {"sandbox_network": "local"}, []),
        ("container", {"sandbox_network": "local", "sandbox_proc": "own"}, []),
        ("compose", {"timers": {"digest": {"command": "true", "schedule": "daily"}}}, ["timers"]),
        ("docker", {"timers": {"digest": {"command": "true", "schedule": "daily"}}}, []),
        ("compose", PROVIDED, ["tls"]),
        ("docker", PROVIDED, []),
        ("compose", {"served_domains": "*.example.com", **BY_DNS}, ["served_domains", "acme_dns_plugin"]),
        ("kubernetes", {"domain_aliases": "*.example.com", **PROVIDED}, ["domain_aliases"]),
        ("docker", {"served_domains": "*.example.com", **BY_DNS}, []),
        ("compose", {"allow_from": "10.0.0.0/8", "basic_auth": {"guest": "GUEST"}}, ["allow_from", "basic_auth"]),
        ("compose", {"rate_limits": {"/": "9/second"}, "redirects": {"/a": "/b"}}, ["redirects", "rate_limits"]),
        (
            "compose",
            {"trusted_proxies": "10.0.0.0/8", "response_headers": {"X-A": "b"}, "served_domains": "a.example.com"},
            ["trusted_proxies", "response_headers"],
        ),
        ("container", {"allow_from": "10.0.0.0/8", "basic_auth": {"guest": "GUEST"}}, []),
        ("kubernetes", PROVIDED, []),
        ("kubernetes", {"sandbox_network": ["10.0.0.0/8"], "replicas": 2, "replicas_max": 9}, []),
        ("kubernetes", {"timers": {"digest": {"command": "true", "schedule": "daily"}}}, []),
        (
            "kubernetes",
            {"sandbox_writable_paths": ["/mnt/a"], "sandbox_devices": ["/dev/a"]},
            ["sandbox_writable_paths", "sandbox_devices"],
        ),
        ("kubernetes", {"client_max_body_megabytes": 20}, ["client_max_body_megabytes"]),
        ("docker", {"replicas": 2}, ["replicas"]),
        ("compose", {"replicas_max": 2}, ["replicas_max"]),
        ("container", {"replicas": 2}, []),
        ("quadlet", {"sandbox_network": "local"}, ["sandbox_network"]),
        ("quadlet", {"timers": {"digest": {"command": "true", "schedule": "daily"}}, "cpu_weight": 200}, []),
        ("swarm", {"replicas": 2, "state_volume_megabytes": None, "served_domains": "a.example.com"}, []),
        ("swarm", {"cpu_weight": 200, "replicas_max": 4}, ["replicas_max", "cpu_weight"]),
        (
            "swarm",
            {"client_max_body_megabytes": 20, "allow_from": "10.0.0.0/8"},
            ["allow_from", "client_max_body_megabytes"],
        ),
        ("nomad", {"cpu_weight": 200, "served_domains": "a.example.com", "timers": {}}, []),
        (
            "nomad",
            {"cpu_max": 2, "health_status": 204, "tls_profile": "modern"},
            ["cpu_max", "health_status", "tls_profile"],
        ),
    ],
)
def test_what_one_engine_keeps_another_may_refuse(engine: str, settings: dict[str, Any], keys: list[str]) -> None:
    assert [name for name, _ in refusals(engine, make_settings(**settings))] == keys


def test_the_document_has_a_line_for_each_setting() -> None:
    text = markdown()
    assert [f"\n| `{name}` | *" in text for name in Settings.model_fields] == [True] * len(Settings.model_fields)
    assert "| `standby` | *refused*: one container runs at a time |" in text
