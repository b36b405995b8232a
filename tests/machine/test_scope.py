"""Two applications on one machine, by the record of what each sets for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homeport.machine import scope
from homeport.machine.scope import effective_settings, inherited_unlike_default, inherited_values, refusals
from homeport.preflight.preflight import preflight
from homeport.settings import Settings
from homeport.settings.machine import LISTS, SINGLE_VALUES, MachineSettings
from homeport.state.machine_values import MachineValues, Value
from homeport.state.query import query
from homeport.state.snapshot import MachineFound
from homeport.state.wanted import Wanted
from tests.state.builders import NOW, as_wanted, changes_by_phase, make_settings, make_source, make_wanted

APT = "/etc/apt/apt.conf.d/52homeport"
# How a deploy goes on, which leaves nothing on the machine that the next one could undo.
OF_A_DEPLOY = {
    *(
        "apt_lock_timeout_seconds",
        "minimum_free_megabytes",
        "outbound",
        "outbound_private",
        "take_over",
        "take_machine",
        "replace_proxy",
    ),
    *("firewall_close", "sshd_close", "lockout_timeout_seconds"),
}
OTHERS: dict[str, Value] = {
    "proxy": "haproxy",
    "proxy_protocol": "8443 from 192.0.2.0/24",
    "security_upgrades": False,
    "reboot_time": "03:30",
    "journal_max_megabytes": None,
    "log_rotation": False,
    "usage_record": False,
    "time_synchronisation": False,
    "kernel_hardening": False,
    "swap_megabytes": 512,
    "firewall": False,
    "sshd_hardening": False,
}


def blog(**values: Value) -> MachineValues:
    return MachineValues("blog", values)


def lines(settings: Settings, *records: MachineValues) -> list[str]:
    return [problem.line() for problem in refusals(settings, records)]


def content(wanted: Wanted, path: str) -> str:
    [file] = [file for file in wanted.part.files if file.path == path]
    return file.content


def deployed(settings: Settings, *records: MachineValues) -> tuple[MachineValues, ...]:
    """Return the machine's records once this application was deployed to it."""
    own = scope.own_record(settings, records)
    return (*(one for one in records if one.app != own.app), own)


def test_every_setting_of_the_machine_is_a_single_value_a_list_or_of_a_deploy_alone() -> None:
    assert sorted((*SINGLE_VALUES, *LISTS, *OF_A_DEPLOY)) == sorted(MachineSettings.model_fields)
    assert set(OTHERS) == set(SINGLE_VALUES)


@pytest.mark.parametrize("key", SINGLE_VALUES)
def test_a_different_value_is_refused_in_one_line_with_both_applications_and_both_values(key: str) -> None:
    default = MachineSettings.model_fields[key].default
    settings = make_settings(**{key: default})
    [line] = lines(settings, blog(**{key: OTHERS[key]}))
    assert line.startswith(f"{key}: notes sets ")
    assert "but blog on the same machine sets " in line
    assert line.endswith("or take the machine over with --take-machine (pyinfra: --data take_machine=True)")
    assert lines(settings, blog(**{key: default})) == []


def test_the_line_of_a_refusal() -> None:
    [line] = lines(make_settings(reboot_time="04:00"), blog(reboot_time="03:30"))
    assert line == (
        'reboot_time: notes sets "04:00", but blog on the same machine sets "03:30"; make them the same, leave '
        'reboot_time out of the settings of notes to have "03:30", or take the machine over with --take-machine '
        "(pyinfra: --data take_machine=True)"
    )
    shop = MachineValues("shop", {"reboot_time": "03:30"})
    [line] = lines(make_settings(reboot_time="04:00"), shop, blog(reboot_time="03:30"))
    assert 'but blog and shop on the same machine set "03:30";' in line


def test_a_preflight_refuses_it_before_anything_is_changed() -> None:
    machine = MachineFound(values=(blog(firewall=False),))
    settings = make_settings(firewall=True)
    wanted = make_wanted(settings, machine)
    found = replace(as_wanted(wanted, machine), clock=NOW)
    problems = preflight(settings, make_source(), wanted, found, NOW)
    assert [problem.key for problem in problems] == ["firewall"]
    taking = make_settings(firewall=True, take_machine=True)
    assert preflight(taking, make_source(), wanted, found, NOW) == ()


def test_a_value_that_is_left_out_is_as_the_other_application_has_set_it() -> None:
    settings = make_settings(firewall=True)
    both = effective_settings(settings, [blog(**{**OTHERS, "firewall": True})])
    assert {key: getattr(both, key) for key in SINGLE_VALUES} == {**OTHERS, "firewall": True}
    # What the user has set is still known, and so is the rest.
    assert both.model_fields_set == settings.model_fields_set
    assert both.model_copy(update={key: getattr(settings, key) for key in SINGLE_VALUES}) == settings
    assert effective_settings(both, [blog(**{**OTHERS, "firewall": True})]) == both
    assert lines(settings, blog(**{**OTHERS, "firewall": True})) == []


def test_a_recorded_value_holds_and_the_next_deploy_changes_nothing() -> None:
    records = (blog(**OTHERS),)
    alone, both = make_wanted(), make_wanted(machine=MachineFound(values=records))
    assert APT in {file.path for file in alone.part.files}
    assert APT in both.part.absent
    timed = make_wanted(machine=MachineFound(values=(blog(reboot_time="03:30"),)))
    assert '"03:30"' in content(timed, APT)
    # A release is the same one, whoever is there besides.
    assert both.release.id == alone.release.id
    machine = MachineFound(values=(*records, MachineValues("notes")))
    again = make_wanted(machine=machine)
    assert changes_by_phase(again, as_wanted(both, machine)) == {}


@pytest.mark.parametrize("key", SINGLE_VALUES)
def test_the_query_covers_values_that_another_application_set(key: str) -> None:
    """One reading is all there is: it has to name what is wanted before it is known what others have set."""
    before = query(make_wanted())
    after = query(make_wanted(machine=MachineFound(values=(blog(**{key: OTHERS[key]}),))))
    for name in ("paths", "units", "accounts", "ports", "shared"):
        assert set(getattr(after, name)) <= set(getattr(before, name))
    assert set(after.packages) <= {*before.packages, *before.other_packages}


def test_an_application_changes_its_own_value_and_others_that_say_nothing_follow() -> None:
    records = deployed(make_settings(reboot_time="03:30"), MachineValues("blog"))
    later = make_settings(reboot_time="04:00")
    assert lines(later, *records) == []
    records = deployed(later, *records)
    other = make_settings(app_name="blog", domain="blog.example.com")
    assert effective_settings(other, records).reboot_time == "04:00"
    assert inherited_unlike_default(other, records)["reboot_time"].apps == ("notes",)
    # Once it says nothing either, the machine is as it would be without it.
    records = deployed(make_settings(), *records)
    assert effective_settings(other, records).reboot_time is None
    assert inherited_values(other, records) == {}


def test_two_applications_that_agree_are_both_recorded_and_neither_changes_a_value_alone() -> None:
    records = deployed(make_settings(reboot_time="03:30"), blog(reboot_time="03:30"))
    assert {one.app: dict(one.values) for one in records} == {
        "blog": {"reboot_time": "03:30"},
        "notes": {"reboot_time": "03:30"},
    }
    assert len(lines(make_settings(reboot_time="04:00"), *records)) == 1
    # The other's entry stays when one is removed.
    left = [one for one in records if one.app != "notes"]
    third = make_settings(app_name="shop", domain="shop.example.com")
    assert effective_settings(third, left).reboot_time == "03:30"


def test_who_takes_the_machine_keeps_it_and_the_other_is_told_then() -> None:
    ours, theirs = {"reboot_time": "04:00"}, {"reboot_time": "03:30"}
    other = {"app_name": "blog", "domain": "blog.example.com"}
    records = deployed(make_settings(take_machine=True, **ours), blog(reboot_time="03:30"))
    # Without the flag it goes on, also with another value of its own.
    assert lines(make_settings(**ours), *records) == []
    assert deployed(make_settings(**ours), *records) == records
    assert lines(make_settings(reboot_time="05:00"), *records) == []
    # A third one follows who took it.
    third = make_settings(app_name="shop", domain="shop.example.com")
    assert effective_settings(third, records).reboot_time == "04:00"
    # The other is refused, until it agrees, says nothing, or takes it back.
    [line] = lines(make_settings(**other, **theirs), *records)
    assert 'blog sets "03:30", but notes on the same machine sets "04:00"' in line
    assert lines(make_settings(**other, **ours), *records) == []
    assert lines(make_settings(**other), *records) == []
    back = deployed(make_settings(take_machine=True, **other, **theirs), *records)
    assert len(lines(make_settings(**ours), *back)) == 1
    assert effective_settings(third, back).reboot_time == "03:30"


def test_who_agrees_with_who_took_the_machine_has_a_say_as_well() -> None:
    other = {"app_name": "blog", "domain": "blog.example.com"}
    records = deployed(make_settings(take_machine=True, reboot_time="04:00"), blog(reboot_time="03:30"))
    records = deployed(make_settings(**other, reboot_time="04:00"), *records)
    assert len(lines(make_settings(reboot_time="05:00"), *records)) == 1
    assert len(lines(make_settings(**other, reboot_time="05:00"), *records)) == 1


def test_an_overruled_value_holds_again_once_the_other_application_is_gone() -> None:
    records = deployed(make_settings(take_machine=True, reboot_time="04:00"), blog(reboot_time="03:30"))
    left = [one for one in records if one.app == "blog"]
    third = make_settings(app_name="shop", domain="shop.example.com")
    assert effective_settings(third, left).reboot_time == "03:30"


def test_taking_the_machine_is_no_take_over_where_nobody_differs() -> None:
    settings = make_settings(take_machine=True, reboot_time="04:00")
    assert not any(scope.own_record(settings, [blog(reboot_time="04:00")]).takeovers.values())
    once = scope.own_record(settings, [blog(reboot_time="03:30")])
    assert scope.own_record(settings, [blog(reboot_time="03:30"), once]) == once


def test_two_simultaneous_deploys_that_differ_are_named_at_the_next_one() -> None:
    records = (blog(reboot_time="03:30"), MachineValues("notes", {"reboot_time": "04:00"}))
    assert len(lines(make_settings(reboot_time="04:00"), *records)) == 1
    third = make_settings(app_name="shop", domain="shop.example.com")
    assert effective_settings(third, records).reboot_time == "03:30"
    assert lines(third, *records) == []


@pytest.mark.parametrize("value", ["25:00", 7, True, None])
def test_a_value_that_this_version_does_not_allow_is_passed_over(value: Value) -> None:
    record = blog(journal_max_megabytes=value if isinstance(value, int) else 7, swap_megabytes="25:00", no_such="x")
    assert inherited_values(make_settings(), [record]) == {}
    assert lines(make_settings(swap_megabytes="auto"), record) == []


def test_a_machine_of_the_last_version_is_recorded_without_a_question() -> None:
    settings = make_settings(reboot_time="04:00", firewall=False)
    assert refusals(settings, ()) == ()
    wanted = make_wanted(settings)
    found = as_wanted(wanted)
    del found.paths["/etc/homeport/notes/machine.json"]
    assert {name: list(map(str, found)) for name, found in changes_by_phase(wanted, found).items()} == {
        "files": ["write /etc/homeport/notes/machine.json (missing)"]
    }


def test_with_one_application_nothing_is_anybody_elses() -> None:
    settings = make_settings(reboot_time="04:00")
    records = deployed(settings)
    assert effective_settings(settings, records) is settings
    assert inherited_unlike_default(settings, records) == {}
    assert refusals(make_settings(reboot_time="05:00"), records) == ()
    assert make_wanted(settings, MachineFound(values=records)).part == make_wanted(settings).part
