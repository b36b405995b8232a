"""How long a certificate lasts, when the next one comes, and that status and doctor say the same of it."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from homeport.certificates import lifetime
from homeport.certificates.lifetime import CertificateLife
from homeport.certificates.reading import read
from homeport.diagnosis.certificate import certificate
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
    ("days", "renewed", "due", "late"),
    [
        (90, True, 60, 70),
        (6, True, 3, 4),
        (10, True, 20 / 3, 70 / 9),
        (365, True, 730 / 3, 365 - 365 / 3 * 2 / 3),
        (365, False, 335, 335),
        (90, False, 60, 60),
        (6, False, 4, 4),
    ],
)
def test_the_next_one_is_due_and_late_by_how_long_it_lasts_and_who_renews_it(
    days: float, renewed: bool, due: float, late: float
) -> None:
    life = CertificateLife(NOW, NOW + timedelta(days=days), renewed)
    assert (life.due - NOW) / timedelta(days=1) == pytest.approx(due)
    assert (life.late - NOW) / timedelta(days=1) == pytest.approx(late)


@pytest.mark.parametrize(
    ("at", "stage"), [(-1, "to come"), (0, "good"), (69.9, "good"), (70.1, "late"), (89.9, "late"), (90, "over")]
)
def test_a_certificate_of_ninety_days_goes_from_one_stage_to_the_next(at: float, stage: str) -> None:
    assert CertificateLife(NOW, NOW + timedelta(days=90), renewed=True).stage(NOW + timedelta(days=at)) == stage


BROUGHT = {"tls": "files", "tls_certificate_file": "a.pem", "tls_key_file": "a.key"}


@pytest.mark.parametrize("days", [6, 90, 365])
@pytest.mark.parametrize("settings", [{}, BROUGHT])
def test_status_and_doctor_are_of_one_mind_all_through_a_life(days: int, settings: dict[str, object]) -> None:
    for began in range(1 - days, 1, max(days // 30, 1)):
        status = found(certificate__pem=pem(began=began, days=days), settings=settings)
        advised = [one["about"] for one in status["advice"] if one["about"] == "certificate"]
        begins = cases.NOW + timedelta(days=began)
        served = replace(cases.CERTIFICATE, begins=begins, ends=begins + timedelta(days=days))
        site = cases.case(settings=cases.settings(**settings), visits=(cases.visit(certificate=served),))
        told = [finding.id for finding in certificate(site)]
        assert bool(advised) == bool(told), (began, advised, told)


def test_the_rule_is_pure_and_needs_the_standard_library_alone() -> None:
    tree = ast.parse(Path(lifetime.__file__).read_text())
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    assert all(name.partition(".")[0] in {*sys.stdlib_module_names, "__future__"} for name in names)
    assert not [node for node in nodes if isinstance(node, ast.Import)]
