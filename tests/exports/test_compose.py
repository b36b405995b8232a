"""compose.yaml, read as YAML is, and the Caddyfile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from homeport.exports.engines import ENGINES
from tests.exports.subjects import subject
from tests.service.kept_units import CASES, PROCESSES, Case
from tests.state.builders import SECRET

COMPOSE = ENGINES["compose"]


def text(name: str, case: Case = Case(), **changed: Any) -> str:  # noqa: B008
    return COMPOSE.files(subject(case, **changed))[name].text


def document(case: Case = Case(), **changed: Any) -> dict[str, Any]:  # noqa: B008
    found: dict[str, Any] = yaml.safe_load(text("compose.yaml", case, **changed))
    return found


def test_the_application_waits_for_the_migration_and_a_process_for_the_application() -> None:
    services = document(Case(PROCESSES))["services"]
    assert list(services) == ["migrate", "app", "next", "worker", "mail", "proxy"]
    assert services["app"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert services["migrate"]["restart"] == "no"
    assert services["migrate"]["command"] == ["migrate"]
    assert services["mail"]["command"] == ["process", "mail"]
    assert services["mail"]["stop_grace_period"] == "90s"
    assert services["worker"]["depends_on"] == {"app": {"condition": "service_healthy"}}
    without = document(Case(alembic=False))["services"]
    assert "migrate" not in without
    assert "depends_on" not in without["app"]


def test_what_stands_in_during_a_release_is_as_the_application_and_starts_only_when_it_is_asked_for() -> None:
    services = document(Case({"memory_max_megabytes": 512}))["services"]
    own = ("build", "depends_on")
    expected = {**{key: one for key, one in services["app"].items() if key not in own}, "profiles": ["next"]}
    assert services["next"] == expected


@pytest.mark.parametrize("name", ["migrate", "app", "next", "worker"])
def test_each_container_of_the_application_is_closed_up_and_keeps_its_state(name: str) -> None:
    case = Case({**PROCESSES, "memory_max_megabytes": 512, "cpu_max": 2, "cpu_weight": 300, "stop_timeout_seconds": 40})
    found = document(case)["services"][name]
    assert found["read_only"] is True
    assert found["init"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert found["volumes"] == ["state:/var/lib/notes"]
    assert found["secrets"] == ["TOKEN"]
    assert (found["mem_limit"], found["memswap_limit"], found["cpus"], found["cpu_shares"]) == ("512m", "512m", 2, 3072)
    assert found["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert found["environment"]["HOMEPORT_MIGRATE"] == "no"
    assert "ports" not in found
    if name == "app":
        assert (found["restart"], found["stop_grace_period"]) == ("unless-stopped", "40s")


def test_the_proxy_asks_what_stands_in_only_while_the_file_of_a_release_is_there() -> None:
    found = text("Caddyfile")
    assert "\t@next file {\n\t\troot /config\n\t\ttry_files next\n\t}\n\treverse_proxy @next next:8000 {\n" in found
    assert found.index("reverse_proxy @next next:8000 {") < found.index("reverse_proxy app:8000 {")
    assert "proxy:/config" in document()["services"]["proxy"]["volumes"]


def test_another_caddyfile_is_another_proxy_to_compose_and_nothing_else_is() -> None:
    one, same, other = (
        document(Case(changed))["services"]["proxy"]
        for changed in ({}, {"memory_max_megabytes": 300}, {"client_max_body_megabytes": 3})
    )
    assert one == same
    assert {**one, "labels": None} == {**other, "labels": None}
    assert one["labels"] != other["labels"]


def test_only_the_proxy_is_reached_from_outside_and_meets_the_application_in_a_closed_network() -> None:
    whole = document()
    assert whole["networks"]["inside"] == {"internal": True}
    assert whole["services"]["app"]["networks"] == ["inside", "outside"]
    assert [name for name, one in whole["services"].items() if "ports" in one] == ["proxy"]
    alone = document(Case({"sandbox_network": "local"}))
    assert alone["services"]["app"]["networks"] == ["inside"]


def test_secrets_are_files_whose_values_are_nowhere() -> None:
    assert document()["secrets"] == {"TOKEN": {"file": "./secrets/TOKEN"}}
    assert COMPOSE.first_steps(subject()) == (
        "homeport export container production",
        "homeport export compose production --secrets    once, where it runs: it writes their values",
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_file_has_the_value_of_a_secret_and_all_are_the_same_again(case: Case) -> None:
    files = COMPOSE.files(subject(case))
    assert SECRET not in repr(files)
    assert files == COMPOSE.files(subject(case))
    yaml.safe_load(files["compose.yaml"].text)


def test_the_image_is_built_from_the_applications_folder_and_has_the_tag_that_is_asked_for() -> None:
    found = document(Case({"image_name": "registry.example.com/team/notes"}), context="../../my $app")["services"][
        "app"
    ]
    assert found["image"] == "registry.example.com/team/notes:${TAG:-latest}"
    assert found["build"]["context"] == "../../my $$app"
    assert text(".env") == "COMPOSE_PROJECT_NAME=notes\n"


def test_names_that_yaml_takes_for_something_else_are_names() -> None:
    """YAML 1.1, which Compose 1.29 reads, has `on` and `NO` for truth values."""
    given = subject(Case({"processes": {"on": "true"}}))
    given = replace(given, service=replace(given.service, secret_names=("NO",)))
    found = yaml.safe_load(COMPOSE.files(given)["compose.yaml"].text)
    assert found["services"]["on"]["command"] == ["process", "on"]
    assert found["secrets"] == {"NO": {"file": "./secrets/NO"}}


def test_workers_follow_the_machine_unless_a_number_is_set() -> None:
    assert document()["services"]["app"]["environment"]["WEB_CONCURRENCY"] == "auto"
    assert "WEB_CONCURRENCY" not in document(Case({"workers": 3}))["services"]["app"]["environment"]


def test_what_compose_cannot_keep_is_named() -> None:
    case = Case({"sandbox_network": ["10.0.0.0/8"], "processes": {"proxy": "true", "next": "true", "worker": "true"}})
    assert [(key, problem.split(" ")[0]) for key, problem, _ in COMPOSE.problems(subject(case))] == [
        ("processes", "proxy"),
        ("processes", "next"),
        ("sandbox_network", "homeport"),
    ]
    assert list(COMPOSE.problems(subject(Case(PROCESSES)))) == []


def test_the_proxy_has_the_sites_names_limits_and_authority() -> None:
    case = Case(
        {
            "acme_email": "a@example.com",
            "acme_key_curve": "secp384r1",
            "client_max_body_megabytes": 20,
            "proxy_read_timeout_seconds": 90,
            "response_headers_kilobytes": 64,
            "hsts_subdomains": True,
            "hsts_preload": True,
        }
    )
    found = text("Caddyfile", case)
    for line in (
        "\temail a@example.com",
        "\tacme_ca https://acme-v02.api.letsencrypt.org/directory",
        "\tkey_type p384",
        "notes.example.com {",
        '\theader Strict-Transport-Security "max-age=63072000; includeSubDomains; preload"',
        "\t\tmax_size 20MiB",
        "\treverse_proxy app:8000 {",
        "\t\t\tread_timeout 90s",
        "\t\t\tmax_response_header 64KiB",
        "www.example.com {",
        "\tredir https://notes.example.com{uri} permanent",
    ):
        assert f"\n{line}\n" in found
    assert "\ttls {" not in found


def test_what_a_client_says_of_itself_reaches_no_application() -> None:
    """As the site of Nginx: `-X-Forwarded-*` comes first, then Caddy sets its own."""
    found = text("Caddyfile").splitlines()
    for line in (
        "\trequest_header -X-Forwarded-*",
        "\trequest_header -Forwarded",
        "\trequest_header X-Real-IP {remote_host}",
    ):
        assert found.index(line) < found.index("\treverse_proxy app:8000 {")
    assert "\t\theader_up X-Forwarded-Port 443" in found


def test_what_is_not_set_is_not_said_to_the_proxy() -> None:
    found = text("Caddyfile", Case({"hsts_seconds": 0}))
    assert "email" not in found
    assert "Strict-Transport-Security" not in found


def test_profile_and_modern_tls_are_said_to_the_proxy() -> None:
    found = text("Caddyfile", Case({"tls_profile": "modern", "acme_profile": "tlsserver"}))
    assert "\ttls {\n\t\tprotocols tls1.3\n\t\tissuer acme {\n\t\t\tprofile tlsserver\n\t\t}\n\t}\n" in found


def test_caddy_serves_every_name_that_is_served() -> None:
    case = Case({"served_domains": ["shop.example.com", "b.example.com"]})
    assert "\nnotes.example.com, shop.example.com, b.example.com {\n" in text("Caddyfile", case)
