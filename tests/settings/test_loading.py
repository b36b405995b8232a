from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyinfra_cli.util import parse_cli_arg

from homeport.settings import Settings
from homeport.settings.loading import CommandOptions, SettingsError, application_of, command_options, load
from tests.state.builders import make_settings

NEEDED = {"app_name": "notes", "domain": "notes.example.com"}
SENTINEL = "s3ntinel\"value';$(x)"
TEXT = st.text(st.characters(codec="utf-8"))
PLAIN = TEXT | st.integers() | st.none() | st.floats() | st.booleans()
ANYTHING = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5
)


def loaded(**data: Any) -> Settings:
    return load({**NEEDED, **data}, "web1")


def refused(key: str, value: object) -> SettingsError | None:
    """Return why this value is refused, or None when it is taken."""
    try:
        loaded(**{key: value})
    except SettingsError as error:
        return error
    return None


def from_command_line(key: str, text: str) -> Any:
    """Return what the setting becomes when it comes as `--data key=text`, by pyinfra's own parser."""
    return getattr(loaded(**{key: parse_cli_arg(text)}), key)


def problems(**data: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(**data)
    return caught.value.line().splitlines()


def test_name_and_domain_are_all_that_is_needed() -> None:
    settings = load(NEEDED, "web1")
    assert (settings.app_name, settings.domain, settings.workers) == ("notes", "notes.example.com", "auto")


def test_every_problem_is_reported_at_once_with_host_and_key() -> None:
    lines = problems(workers=0, domian="x", health_path="health", port_blue="many")
    assert {line.split(": ")[1] for line in lines} == {"domian", "workers", "port_blue", "health_path"}
    assert len(lines) == 4
    assert all(line.startswith("web1: ") for line in lines)


@pytest.mark.parametrize(
    ("wrong", "right"), [("domian", "domain"), ("worker", "workers"), ("keep_release", "keep_releases")]
)
def test_a_near_miss_is_answered_with_the_setting_that_was_meant(wrong: str, right: str) -> None:
    assert problems(**{wrong: 1}) == [f"web1: {wrong}: unknown setting; did you mean '{right}'?"]


def test_a_key_like_no_setting_is_answered_with_where_settings_are_described() -> None:
    [line] = problems(qqqqqq=1)
    assert "docs/settings.md" in line
    assert "x_" in line


def test_data_of_pyinfra_and_of_the_user_is_left_alone() -> None:
    loaded(ssh_user="debian", ssh_port=22, _sudo=True, x_mine=object(), docker_identifier="a")


def test_a_missing_group_data_folder_is_named_as_the_cause() -> None:
    with pytest.raises(SettingsError, match="no settings were found for this host; run pyinfra in"):
        load({"ssh_user": "debian"}, "web1")


@pytest.mark.parametrize("key", sorted(Settings.model_fields))
@pytest.mark.parametrize("shape", ["text", "list", "mapping", "mapping in mapping", "lines"])
def test_no_value_ever_appears_in_a_message(key: str, shape: str) -> None:
    values = {
        "text": SENTINEL,
        "list": [SENTINEL],
        "mapping": {"NAME": SENTINEL},
        "mapping in mapping": {"NAME": {"NAME": SENTINEL}},
        "lines": f"{SENTINEL}\n\0{SENTINEL}",
    }
    error = refused(key, values[shape])
    if error:
        assert "s3ntinel" not in error.line() + str(error) + repr(error.problems)
        assert f"web1: {key}" in error.line() or "web1: settings" in error.line()


@given(st.sampled_from(sorted(Settings.model_fields)), ANYTHING)
def test_any_value_is_taken_or_refused_in_lines_that_name_host_and_key(key: str, value: Any) -> None:
    error = refused(key, value)
    if error:
        assert all(line.startswith("web1: ") for line in error.line().splitlines())
        assert all(problem.key and problem.fix for problem in error.problems)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("app_ref", "1234", "1234"),
        ("app_ref", "v1.0", "v1.0"),
        ("app_ref", '"2024_01"', "2024_01"),
        ("python_version", "3.12", "3.12"),
        ("python_version", '"3.10"', "3.10"),
        ("python_version", "None", None),
        ("workers", "4", 4),
        ("replicas", "3", 3),
        ("replicas_max", "None", None),
        ("state_volume_megabytes", "None", None),
        ("cluster_namespace", "None", None),
        ("workers", "auto", "auto"),
        ("allow_dirty", "True", True),
        ("allow_dirty", "false", False),
        ("packages", "libpq5,imagemagick", ("libpq5", "imagemagick")),
        ("packages", "libpq5", ("libpq5",)),
        ("domain_aliases", "a.example.com, b.example.com", ("a.example.com", "b.example.com")),
        ("domain_aliases", '["a.example.com"]', ("a.example.com",)),
        ("domain", "Notes.Example.COM", "notes.example.com"),
        ("environment", '{"DEBUG": "1", "PORT": 5432}', {"DEBUG": "1", "PORT": "5432"}),
        ("migrate_command", "auto", "auto"),
        ("migrate_command", "None", None),
        ("migrate_command", "null", None),
        ("migrate_command", "alembic upgrade head", ("alembic upgrade head",)),
        ("migrate_command", "python -c 'print(1, 2)'", ("python -c 'print(1, 2)'",)),
        ("migrate_command", '["a, b", "c"]', ("a, b", "c")),
        ("acme_email", "None", None),
        ("pinned_releases", "d9b054bdd5d5,12ab", ("d9b054bdd5d5", "12ab")),
        ("pinned_releases", "012345678901", ("012345678901",)),
        ("migrate_on", "None", None),
        ("memory_max_megabytes", "None", None),
        ("memory_max_megabytes", "512", 512),
        ("secrets_file", "None", None),
        ("app_subdirectory", ".", ""),
        ("app_subdirectory", "./services//api/", "services/api"),
    ],
)
def test_a_value_from_the_command_line_means_what_it_says(key: str, text: str, value: object) -> None:
    found = from_command_line(key, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("key", ["migrate_command", "app_ref", "acme_email"])
@pytest.mark.parametrize("word", ["true", "False"])
def test_a_word_that_became_a_truth_value_on_its_way_is_refused_with_how_to_write_it(key: str, word: str) -> None:
    [line] = problems(**{key: parse_cli_arg(word)})
    assert line.startswith(f"web1: {key}: ")
    assert (
        f"must be a text, but pyinfra reads {word.lower()} as a truth value; write it as '\"{word.lower()}\"'" in line
    )
    assert from_command_line("migrate_command", f'"{word}"') == (word,)


@pytest.mark.parametrize("address", ["ops@example.com", "O'Neil+x@sub.Example.co", "1@xn--bcher-kva.example"])
def test_an_email_address_is_taken_as_it_is(address: str) -> None:
    assert loaded(acme_email=address).acme_email == address


def test_an_email_address_has_254_characters_at_most() -> None:
    longest = f"{'a' * 242}@example.com"
    assert loaded(acme_email=longest).acme_email == longest
    assert "is not an e-mail address" in problems(acme_email=f"a{longest}")[0]


@pytest.mark.parametrize(
    "address", ["nobody", "@example.com", "a@b", "a b@example.com", "a@example.", "ä@example.com", "a@@x.de"]
)
def test_an_email_address_that_is_none_is_refused(address: str) -> None:
    assert problems(acme_email=address) == [
        "web1: acme_email: is not an e-mail address (NAME@DOMAIN); it is: Address that the certificate authority "
        "writes to."
    ]


@pytest.mark.parametrize("name", ["notes.example.com", "Notes.Example.COM", "NOTES.example.com"])
def test_a_host_is_known_by_the_name_that_its_settings_have_in_whatever_case(name: str) -> None:
    data = {"app_name": "notes", "domain": name}
    found = load(data, "web1")
    assert application_of(data) == (found.app_name, found.domain) == ("notes", "notes.example.com")


def test_a_host_with_wrong_settings_is_no_obstacle_to_the_others() -> None:
    assert application_of({"app_name": "Notes!", "domain": 7}) == ("Notes!", "7")
    assert application_of({}) == ("None", "None")


def test_command_options_are_read_in_one_place() -> None:
    assert command_options({"_new_slot": True, "_message": "why", "app_name": "notes"}) == CommandOptions(
        new_slot=True, message="why"
    )
    assert command_options({"_message": None}) == CommandOptions()


def test_a_python_version_that_lost_its_last_zero_is_refused_and_not_taken_for_another() -> None:
    [line] = problems(python_version=parse_cli_arg("3.10"))
    assert "web1: python_version: " in line
    assert '"3.10"' in line


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("app_name", "a"),
        ("app_name", "Notes"),
        ("app_name", "notes-"),
        ("app_name", "1notes"),
        ("app_name", "n" * 32),
        ("app_name", "notes\n"),
        ("app_name", "../etc"),
        ("app_name", "notes-migrate"),
        ("domain", "localhost"),
        ("domain", "*.example.com"),
        ("domain", "192.0.2.1"),
        ("domain", "exa mple.com"),
        ("domain", "example.com;"),
        ("domain", "example.com."),
        ("domain", f"{'a' * 64}.example.com"),
        ("domain_aliases", "notes.example.com"),
        ("domain_aliases", "a.example.com,a.example.com"),
        ("domain_aliases", "NOTES.example.com"),
        ("app_subdirectory", "/etc"),
        ("app_subdirectory", "a/../../b"),
        ("workers", 0),
        ("workers", 257),
        ("workers", "many"),
        ("port_blue", 80),
        ("port_blue", 65536),
        ("port_blue", 8002),
        ("health_path", "health"),
        ("health_path", "/a b"),
        ("health_path", "/a\nb"),
        ("health_status", 99),
        ("health_timeout_seconds", 0),
        ("drain_timeout_seconds", -1),
        ("keep_releases", 1),
        ("acme_directory_url", "http://ca.example.com/directory"),
        ("acme_directory_url", "https://ca.example.com/ x"),
        ("packages", "a;b"),
        ("pinned_releases", "../x"),
        ("pinned_releases", "a b"),
        ("packages", "-o=x"),
        ("python_version", "2.7"),
        ("python_version", "3"),
        ("environment", {"1A": "x"}),
        ("environment", {"A-B": "x"}),
        ("environment", {"HOMEPORT_PORT": "1"}),
        ("environment", {"STATE_DIRECTORY": "/x"}),
        ("environment", {"A": "x\0"}),
        ("environment", {"A": "x" * 128 * 1024}),
        ("migrate_command", 5),
    ],
)
def test_a_value_outside_of_its_bounds_is_refused(key: str, value: object) -> None:
    [line] = problems(**{key: value})
    assert key in line


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("app_name", "ab"),
        ("app_name", "n" * 31),
        ("workers", 1),
        ("workers", 256),
        ("drain_timeout_seconds", 0),
        ("hsts_seconds", 0),
        ("domain", "xn--bcher-kva.example"),
        ("port_blue", 1024),
        ("port_blue", 65535),
        ("environment", {"KEY": "-----BEGIN-----\nMII=\n-----END-----\n"}),
    ],
)
def test_a_value_at_its_bound_is_taken(key: str, value: object) -> None:
    assert getattr(loaded(**{key: value}), key) == value


def test_the_variable_that_is_wrong_is_named() -> None:
    assert problems(environment={"DEBUG": True}) == [
        "web1: environment.DEBUG: must be a text, but pyinfra reads true as a truth value; write it as '\"true\"' "
        "(with the double quotes); it is: Environment variables of the application that are not secret."
    ]


def test_all_names_of_the_certificate_begin_with_the_canonical_one() -> None:
    assert loaded(domain_aliases="a.example.com").domains == ("notes.example.com", "a.example.com")


def test_hsts_is_for_the_sites_own_names_unless_more_is_asked_for() -> None:
    assert (loaded().hsts_subdomains, loaded().hsts_preload) == (False, False)
    assert loaded(hsts_subdomains=True, hsts_preload=True).hsts_preload
    for data in ({"hsts_preload": True}, {"hsts_preload": True, "hsts_subdomains": True, "hsts_seconds": 86400}):
        [line] = problems(**data)
        assert "hsts_preload needs hsts_subdomains = True and hsts_seconds of 31536000 or more" in line
    assert "hsts_subdomains needs hsts_seconds" in problems(hsts_subdomains=True, hsts_seconds=0)[0]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"replicas": 3, "replicas_max": 3}, "settings: replicas_max must be more than replicas"),
        ({"replicas": 0}, "replicas: "),
        ({"cluster_namespace": "My.Space"}, "cluster_namespace: "),
        ({"ingress_class": "a/b"}, "ingress_class: "),
        ({"ingress_namespace": "-a"}, "ingress_namespace: "),
    ],
)
def test_what_no_cluster_can_have_is_refused(values: dict[str, object], line: str) -> None:
    [problem] = problems(**values)
    assert problem.startswith(f"web1: {line}")


def test_classes_have_dots_and_namespaces_have_none() -> None:
    assert loaded(ingress_class="nginx.org", cluster_namespace="web-1").ingress_class == "nginx.org"


def test_a_setting_that_is_named_with_its_default_does_not_differ_from_it() -> None:
    settings = make_settings(timers={}, environment={}, workers=3)
    assert "workers" in settings.differing
    assert {"timers", "environment"}.isdisjoint(settings.differing)


@pytest.mark.parametrize("name", [name for name, field in Settings.model_fields.items() if field.default is None])
def test_whatever_may_be_unset_is_unset_by_the_text_of_data(name: str) -> None:
    assert getattr(make_settings(**{name: "None"}), name) is None
