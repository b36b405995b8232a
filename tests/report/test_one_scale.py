"""What status and doctor both know is judged by one rule: the same level, in the same words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from homeport.diagnosis import diagnose
from homeport.diagnosis.finding import SCALE
from homeport.preflight.preflight import preflight
from homeport.report.findings import COLOURS, MARKS, of_doctor, of_status
from tests.diagnosis import cases
from tests.report.status_values import GIGABYTE, RAW, entry, found, pem
from tests.state.builders import NOW, as_wanted, make_settings, make_source, make_wanted

NOTE = {"by": "carol@desk", "since": "2030-01-01T11:00:00Z", "message": "wait"}
FAILED = entry("failed", "bad", "2030-01-01T11:00:00Z", reason="it died")
EVENT = {key: FAILED[key] for key in ("at", "event", "release", "by", "reason")}
OFF = cases.unit("inactive", enabled="disabled")
WORDS = "homeport cert production --renew"


def disk(**values: Any) -> dict[str, Any]:
    return {**cases.observed()["disks"][0], "inodes_used_percent": 5.0, **values}


FULL, FILLED, LOW = disk(free_bytes=0), disk(used_percent=95.0), disk(free_bytes=GIGABYTE // 2)
SHUT, GONE, FEW = disk(read_only=True), disk(free_inodes=3), disk(free_inodes_percent=2.0)


@pytest.mark.parametrize(
    ("of_host", "of_case"),
    [
        *(({"disks": [one]}, {"disks": [one]}) for one in (FULL, FILLED, LOW, SHUT, GONE, FEW)),
        *(
            (
                {"machine__memory_available_bytes": share * GIGABYTE // 50},
                {"memory": {"available_kilobytes": share * 2**20 // 50, "total_kilobytes": 2 * 2**20}},
            )
            for share in (3, 9, 11)
        ),
        ({"machine__reboot_required": True}, {"reboot_required": True}),
        ({"hold": NOTE}, {"deploys": {"held": NOTE}}),
        ({"maintenance": NOTE}, {"deploys": {"closed": NOTE}}),
        ({"log": [*RAW["log"], FAILED]}, {"deploys": {"events": [EVENT]}}),
        ({"certificate__served": False}, {"certificate": {"served_differs": True}}),
        ({"certificate__folder": "/x/placeholder"}, {"certificate": {"folder": "/x/placeholder"}}),
        # A host program of the last version does not tell the folder.
        ({"certificate__pem": pem(issuer="")}, {"certificate": {"folder": "/x/placeholder"}}),
        ({}, {}),
    ],
)
def test_status_and_doctor_say_the_same_of_what_both_know(
    of_host: Mapping[str, Any], of_case: Mapping[str, Any]
) -> None:
    status = [(one["level"], one["text"], one["fix"]) for one in found(**of_host)["advice"]]
    doctor = [(one.level, one.text, one.fix) for one in diagnose(cases.case(observed=cases.observed(**of_case)))]
    assert status == doctor


@pytest.mark.parametrize(
    ("of_host", "of_case", "name"),
    [
        ({"renewal__timer_active": False}, {"units": {"homeport-renew.timer": OFF}}, "renewal_off"),
        (
            {"renewal": {**RAW["renewal"], "timer_boots": False}},
            {"units": {"homeport-renew.timer": cases.unit(enabled="disabled")}},
            "renewal_off",
        ),
        (
            {"renewal__last_result": "exit-code"},
            {"units": {"homeport-renew.service": cases.unit("failed")}},
            "renewal_failed",
        ),
    ],
)
def test_of_what_one_of_them_knows_more_the_level_and_the_problem_are_the_same(
    of_host: Mapping[str, Any], of_case: Mapping[str, Any], name: str
) -> None:
    [advised] = found(**of_host)["advice"]
    [told] = diagnose(cases.case(observed=cases.observed(**of_case)))
    assert (told.id, told.level) == (name, advised["level"])
    assert advised["text"].startswith(f"{told.problem} (")


@pytest.mark.parametrize(("free", "refused"), [(1023, True), (1024, False)])
def test_a_deploy_is_refused_for_the_room_that_doctor_and_status_miss(free: int, refused: bool) -> None:
    settings = make_settings(minimum_free_megabytes=1024)
    wanted = make_wanted(settings)
    host = as_wanted(wanted)
    problems = preflight(settings, make_source(), wanted, replace(host, free_megabytes=free), NOW)
    assert [one.key for one in problems] == (["disk"] if refused else [])
    one = disk(free_bytes=free * 2**20)
    told = diagnose(
        cases.case(settings=cases.settings(minimum_free_megabytes=1024), observed=cases.observed(disks=[one]))
    )
    assert [finding.id for finding in told] == (["disk_low"] if refused else [])
    said = found(disks=[one], settings={"minimum_free_megabytes": 1024})["advice"]
    assert [advised["about"] for advised in said] == (["disk"] if refused else [])


def test_each_level_has_a_mark_and_a_colour_and_the_documents_have_the_scale() -> None:
    assert tuple(COLOURS) == tuple(MARKS) == SCALE


def test_a_finding_names_the_inventory_as_the_user_does() -> None:
    expired = found(certificate__pem=pem(began=-91))["advice"]
    assert [one["fix"].partition(";")[0] for one in expired] == ["homeport cert TARGET --renew"]
    [one] = diagnose(cases.case(observed=cases.observed(units={"homeport-renew.service": cases.unit("failed")})))
    assert of_doctor(one, "production")["fix"] == of_status([("renewal", one)], "production")[0]["fix"] == WORDS


def test_documents_of_the_doctor_keep_their_two_words_beside_the_scale() -> None:
    held = diagnose(cases.case(observed=cases.observed(deploys={"held": NOTE})))
    full = diagnose(cases.case(observed=cases.observed(disks=[FULL])))
    shown = [of_doctor(one, "production") for one in (*held, *full)]
    assert [(one["severity"], one["level"]) for one in shown] == [("notice", "hint"), ("trouble", "trouble")]
