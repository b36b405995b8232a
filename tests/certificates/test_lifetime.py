"""How long a certificate lasts, when the next one comes, and that status and doctor say the same of it."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from homeport.certificates import lifetime
from homeport.certificates.lifetime import CertificateLife, Source, source
from homeport.certificates.reading import read
from homeport.diagnosis.certificate import certificate
from homeport.state.paths import AppPaths
from tests.diagnosis import cases
from tests.report.status_values import NOW, found, pem


def test_what_a_certificate_says_of_itself() -> None:
    life = read(pem(names=("a.test", "b.test")))
    assert (life.names, life.issuer, life.self_signed) == (("a.test", "b.test"), "Authority R3", False)
    assert (life.not_before, life.not_after) == (NOW - timedelta(days=30), NOW + timedelta(days=60))
    assert read(pem(issuer="")).self_signed


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_text_that_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - cryptography's own words
        read(text)


@pytest.mark.parametrize(
    ("days", "source", "due", "late"),
    [
        (90, "acme", 54, 66),
        (45, "acme", 27, 33),
        (6, "acme", 3, 4),
        (10, "acme", 6, 22 / 3),
        (365, "acme", 219, 219 + 146 / 3),
        (365, "provided", 335, 335),
        (90, "provided", 60, 60),
        (6, "provided", 4, 4),
        (3650, "placeholder", 0, 0),
    ],
)
def test_the_next_one_is_due_and_late_by_how_long_it_lasts_and_who_renews_it(
    days: float, source: Source, due: float, late: float
) -> None:
    life = CertificateLife(NOW, NOW + timedelta(days=days), source)
    assert (life.due - NOW) / timedelta(days=1) == pytest.approx(due)
    assert (life.late - NOW) / timedelta(days=1) == pytest.approx(late)


@pytest.mark.parametrize(
    ("at", "stage"),
    [
        (-1, "to come"),
        (0, "good"),
        (53.9, "good"),
        (54, "due"),
        (65.9, "due"),
        (66, "due"),
        (66.1, "late"),
        (89.9, "late"),
        (90, "over"),
        (91, "over"),
    ],
)
def test_a_certificate_of_ninety_days_goes_from_one_stage_to_the_next(at: float, stage: str) -> None:
    assert CertificateLife(NOW, NOW + timedelta(days=90), "acme").stage(NOW + timedelta(days=at)) == stage


def test_a_provided_one_is_late_as_soon_as_the_next_one_is_due_and_a_placeholder_is_none_at_any_time() -> None:
    end = NOW + timedelta(days=90)
    provided, placeholder = (CertificateLife(NOW, end, source) for source in ("provided", "placeholder"))
    assert [provided.stage(NOW + timedelta(days=at)) for at in (59.9, 60.1, 90)] == ["good", "late", "over"]
    assert {placeholder.stage(NOW + timedelta(days=at)) for at in (-1, 1, 91)} == {"placeholder"}


@pytest.mark.parametrize(
    ("known", "by"),
    [
        ({"provided": False}, "acme"),
        ({"provided": True}, "provided"),
        ({"provided": True, "self_signed": True}, "provided"),
        # A host program of the last version does not tell the folder.
        ({"provided": False, "self_signed": True}, "placeholder"),
        ({"provided": False, "self_signed": True, "folder": "/etc/letsencrypt/live/notes"}, "acme"),
        ({"provided": False, "self_signed": True, "folder": "/etc/letsencrypt/live/zoo"}, "acme"),
        ({"provided": True, "folder": "/etc/homeport/notes/placeholder"}, "placeholder"),
        ({"provided": False, "self_signed": True, "folder": AppPaths("notes").placeholder}, "placeholder"),
    ],
)
def test_by_whom_a_certificate_is_the_folder_tells_and_without_it_the_signature(known: Any, by: str) -> None:
    assert source(**known) == by


def test_clocks_that_differ_by_minutes_are_borne_at_the_beginning_and_nothing_at_the_end() -> None:
    life = CertificateLife(NOW, NOW + timedelta(days=90), "acme")
    assert [life.is_valid(NOW + timedelta(minutes=at)) for at in (-6, -5, -4)] == [False, True, True]
    assert [life.stage(NOW + timedelta(minutes=at)) for at in (-6, -5)] == ["to come", "good"]
    assert [life.is_valid(life.not_after + timedelta(seconds=at)) for at in (-1, 0, 86400)] == [True, False, False]


def test_the_next_one_is_due_from_its_time_on_also_when_this_one_is_over() -> None:
    life = CertificateLife(NOW, NOW + timedelta(days=90), "acme")
    assert [life.is_due(NOW + timedelta(days=at)) for at in (0, 53.9, 54, 61, 89, 91)] == [False] * 2 + [True] * 4


@pytest.mark.parametrize(
    ("names", "lacking"),
    [
        (("notes.example.com",), []),
        (("Notes.Example.com",), []),
        (("*.example.com",), []),
        (("*.com",), ["notes.example.com"]),
        (("mail.example.com", "site.example.com"), ["notes.example.com"]),
        (("*.another.com", "*.zone.com"), ["notes.example.com"]),
        ((), ["notes.example.com"]),
    ],
)
def test_a_star_on_a_certificate_stands_for_one_label(names: tuple[str, ...], lacking: list[str]) -> None:
    assert replace(cases.CERTIFICATE, names=names).lacks(["notes.example.com"]) == lacking


BROUGHT = {"tls": "files", "tls_certificate_file": "a.pem", "tls_key_file": "a.key"}


@pytest.mark.parametrize("days", [6, 45, 90, 365])
@pytest.mark.parametrize("settings", [{}, BROUGHT])
def test_status_and_doctor_are_of_one_mind_all_through_a_life(days: int, settings: dict[str, object]) -> None:
    for began in range(1 - days, 1, max(days // 30, 1)):
        status = found(certificate__pem=pem(began=began, days=days), settings=settings)
        advised = [(one["level"], one["text"]) for one in status["advice"] if one["about"] == "certificate"]
        begins = cases.NOW + timedelta(days=began)
        served = replace(cases.CERTIFICATE, not_before=begins, not_after=begins + timedelta(days=days))
        site = cases.case(settings=cases.settings(**settings), visits=(cases.visit(certificate=served),))
        told = [(finding.level, finding.text) for finding in certificate(site)]
        # The two samples have another time and issuer; what is said and how loud is the same.
        assert [(level, text.partition(" (")[0]) for level, text in advised] == [
            (level, text.partition(" (")[0]) for level, text in told
        ]


def test_the_rule_is_pure_and_needs_the_standard_library_alone() -> None:
    tree = ast.parse(Path(lifetime.__file__).read_text())
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    # What is on hosts is of the standard library alone itself.
    names = {name for name in names if not name.startswith("homeport.host.")}
    assert all(name.partition(".")[0] in {*sys.stdlib_module_names, "__future__"} for name in names)
    assert not [node for node in nodes if isinstance(node, ast.Import)]
