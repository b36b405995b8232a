from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.errors import UsageError
from homeport.inventory.migrating_host import Fleet, migrating_host, must_take_part
from tests.state.builders import make_settings

NOTES = ("notes", "notes.example.com")
HOSTS = {"db1": ("other", "other.example.com"), "web2": NOTES, "web1": NOTES, "web3": NOTES}
EVERYWHERE = Fleet(HOSTS, frozenset(HOSTS))


def test_the_first_host_of_the_inventory_that_has_the_application_migrates() -> None:
    assert migrating_host(make_settings(), EVERYWHERE) == "web2"


def test_the_same_application_under_another_name_has_a_database_of_its_own() -> None:
    fleet = Fleet({"trial": ("notes", "trial.example.com"), **HOSTS}, frozenset(HOSTS))
    assert migrating_host(make_settings(), fleet) == "web2"
    assert migrating_host(make_settings(domain="trial.example.com", domain_aliases=()), fleet) == "trial"
    assert migrating_host(make_settings(migrate_on="trial"), fleet) == "trial"


def test_the_host_that_the_settings_name_migrates() -> None:
    assert migrating_host(make_settings(migrate_on="web3"), EVERYWHERE) == "web3"


@pytest.mark.parametrize("name", ["web9", "db1"])
def test_a_host_without_the_application_is_refused_with_the_names_that_there_are(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        migrating_host(make_settings(migrate_on=name), EVERYWHERE)
    assert caught.value.line() == (
        f"migrate_on: the inventory has no host {name} with the application notes; choose one of: web2, web1, web3"
    )


def test_a_selection_without_the_migrating_host_is_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError) as caught:
        must_take_part(make_settings(), Fleet(HOSTS, frozenset({"db1", "web1", "web3"})))
    assert caught.value.line() == (
        "--limit: the release has a migration, which runs on web2, and that host is not selected; "
        "add web2 to --limit, or set migrate_on to web1 or web3"
    )


@given(
    st.dictionaries(st.text("abc123", min_size=1), st.sampled_from([NOTES, HOSTS["db1"]]), min_size=1).filter(
        lambda hosts: NOTES in hosts.values()
    ),
    st.data(),
)
def test_exactly_one_host_migrates_and_it_takes_part(hosts: dict[str, tuple[str, str]], data: st.DataObject) -> None:
    ours = [host for host, its in hosts.items() if its == NOTES]
    chosen = data.draw(st.none() | st.sampled_from(ours))
    selected = frozenset(data.draw(st.sets(st.sampled_from(ours), min_size=1)))
    settings, fleet = make_settings(migrate_on=chosen), Fleet(hosts, selected)
    migrating = migrating_host(settings, fleet)
    assert migrating == (chosen or ours[0])
    if migrating in selected:
        must_take_part(settings, fleet)
    else:
        with pytest.raises(UsageError):
            must_take_part(settings, fleet)
