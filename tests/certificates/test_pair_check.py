from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from homeport.certificates.pair_check import PairError, check_pair
from homeport.state.certificate_pair import CertificatePair
from tests.certificates.pairs import NOW, Authority

NAMES = ("a.example.com", "www.example.com")
AUTHORITY = Authority()
PAIR = AUTHORITY.issue(*NAMES)
OTHER = AUTHORITY.issue(*NAMES)


def refusal(pair: CertificatePair, *domains: str) -> tuple[str, str]:
    """Have the pair refused; return the setting to mend and the problem."""
    with pytest.raises(PairError) as caught:
        check_pair(pair, domains or NAMES, NOW)
    words = f"{caught.value} {caught.value.fix}"
    assert not any(line in words for line in pair.key.splitlines() if line)
    return caught.value.key, str(caught.value)


@pytest.mark.parametrize(
    "names", [NAMES, ("*.example.com",), (*NAMES, "more.example.com"), ("A.example.com", "*.EXAMPLE.com")]
)
def test_a_pair_that_covers_all_names_is_taken(names: tuple[str, ...]) -> None:
    check_pair(AUTHORITY.issue(*names), NAMES, NOW)


@pytest.mark.parametrize("names", [("a.example.com",), ("example.com",), ("*.com",), ("*.a.example.com",), ()])
def test_a_name_that_is_not_covered_is_told(names: tuple[str, ...]) -> None:
    key, problem = refusal(AUTHORITY.issue(*names))
    assert key == "tls_certificate_file"
    assert "and not for" in problem
    assert "www.example.com" in problem


def test_a_star_stands_for_one_label() -> None:
    assert "not for x.a.example.com" in refusal(AUTHORITY.issue("*.example.com"), "x.a.example.com")[1]


def test_a_key_of_another_certificate_is_refused() -> None:
    assert refusal(replace(PAIR, key=OTHER.key)) == ("tls_key_file", "the key belongs to another certificate")


def test_a_chain_in_the_wrong_order_is_refused() -> None:
    own, authority = (
        part + "-----END CERTIFICATE-----\n" for part in PAIR.chain.split("-----END CERTIFICATE-----\n")[:2]
    )
    assert "not the first one" in refusal(replace(PAIR, chain=authority + own))[1]


def test_dates_count() -> None:
    assert "it expired on" in refusal(AUTHORITY.issue(*NAMES, days=0))[1]
    assert "it is not valid before" in refusal(AUTHORITY.issue(*NAMES, begins=NOW + timedelta(days=3)))[1]


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_that_is_no_pem_is_refused(text: str) -> None:
    assert refusal(replace(PAIR, chain=text))[0] == "tls_certificate_file"
    assert refusal(replace(PAIR, key=text))[0] == "tls_key_file"


def test_a_key_with_a_passphrase_is_refused() -> None:
    key, problem = refusal(AUTHORITY.issue(*NAMES, passphrase="x"))
    assert (key, "passphrase" in problem) == ("tls_key_file", True)


def test_a_pair_has_a_name_of_its_own_and_does_not_show_its_key() -> None:
    assert PAIR.id == replace(PAIR).id
    assert len({PAIR.id, OTHER.id, replace(PAIR, key=OTHER.key).id}) == 3
    assert "PRIVATE" not in repr(PAIR)


def test_a_pair_has_the_same_name_in_every_version_so_that_no_upgrade_points_the_site_elsewhere() -> None:
    assert CertificatePair("chain", "key").id == "38e47590ce0e"
