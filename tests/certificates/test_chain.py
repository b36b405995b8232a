"""A chain is followed by signatures: what is missing, swapped or of another key is named, and a whole one is taken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from homeport.certificates.chain import chain_problem
from homeport.certificates.pair_check import PairError, check_pair
from homeport.state.certificate_pair import CertificatePair
from tests.certificates.pairs import Authority

NOW = datetime(2026, 5, 4, tzinfo=UTC)


class Issuer:
    """An authority; `by` has issued its certificate (None: itself)."""

    def __init__(self, subject: str, by: Issuer | None = None, *, days: int = 900, ca: bool = True):
        self.subject, self.key = subject, ec.generate_private_key(ec.SECP256R1())
        self.certificate = (by or self).sign(subject, self.key, days=days, ca=ca)

    def sign(self, subject: str, key: ec.EllipticCurvePrivateKey, *, days: int = 90, ca: bool) -> x509.Certificate:
        names = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)]) for one in (self.subject, subject)]
        made = x509.CertificateBuilder(names[0], names[1], key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(NOW - timedelta(days=1000)).not_valid_after(NOW + timedelta(days=days))
        return made.add_extension(x509.BasicConstraints(ca, None), critical=True).sign(self.key, hashes.SHA256())


ROOT = Issuer("Root X1")
UPPER = Issuer("Upper", ROOT)
LOWER = Issuer("Lower", UPPER)
NAMESAKE = Issuer("Lower", UPPER)
LEAF = Issuer("site", LOWER, ca=False).certificate
ANCHORS = (Issuer("Somebody else").certificate, ROOT.certificate)


def problem(*chain: Issuer, leaf: x509.Certificate = LEAF, anchors: tuple[x509.Certificate, ...] = ANCHORS) -> str:
    found = chain_problem((leaf, *(one.certificate for one in chain)), anchors, NOW)
    return "; ".join(found) if found else ""


@pytest.mark.parametrize(
    "chain", [(LOWER, UPPER), (LOWER, UPPER, ROOT), (LOWER, UPPER, NAMESAKE), (LOWER, UPPER, LOWER)]
)
def test_a_chain_up_to_an_authority_that_is_trusted_is_whole(chain: tuple[Issuer, ...]) -> None:
    assert problem(*chain) == ""


def test_an_authority_of_ones_own_is_whole_with_its_root() -> None:
    assert problem(LOWER, UPPER, ROOT, anchors=()) == ""
    assert problem(leaf=ROOT.certificate, anchors=()) == ""
    assert problem(leaf=Issuer("site", ROOT, ca=False).certificate) == ""


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ((), 'the chain lacks the certificate of "Lower", which issued the site\'s own'),
        ((UPPER,), 'the chain lacks the certificate of "Lower", which issued the site\'s own'),
        ((LOWER,), 'the chain lacks the certificate of "Upper", which issued "Lower"'),
        ((NAMESAKE, UPPER), 'the chain lacks the certificate of "Lower", which issued the site\'s own'),
        (
            (UPPER, LOWER),
            'certificate 2 in it ("Upper") did not issue the certificate before it ("site"); put certificate 3 '
            '("Lower")',
        ),
        ((NAMESAKE, LOWER, UPPER), 'certificate 2 in it ("Lower") did not issue the certificate before it'),
        (
            (LOWER, ROOT, UPPER),
            'certificate 3 in it ("Root X1") did not issue the certificate before it ("Lower"); put certificate 4',
        ),
    ],
)
def test_a_missing_or_swapped_certificate_of_a_chain_is_named(chain: tuple[Issuer, ...], said: str) -> None:
    assert said in problem(*chain)


def test_without_its_root_an_authority_that_this_machine_does_not_know_is_not_whole() -> None:
    assert 'lacks the certificate of "Root X1", which issued "Upper"' in problem(LOWER, UPPER, anchors=())


def test_an_intermediate_has_to_be_valid_and_an_authority() -> None:
    ended = Issuer("Lower", ROOT, days=-1)
    leaf = ended.sign("site", LOWER.key, ca=False)
    assert 'the certificate of "Lower" in it expired on 2026-05-03' in problem(ended, leaf=leaf)
    none = Issuer("Lower", ROOT, ca=False)
    assert "lacks the certificate" in problem(none, leaf=none.sign("site", LOWER.key, ca=False))


def test_an_expired_certificate_above_a_trusted_one_does_not_matter() -> None:
    cross = Issuer("Old root")
    crossed = cross.sign("Root X1", ROOT.key, days=-1, ca=True)
    leaf = Issuer("site", ROOT, ca=False).certificate
    assert chain_problem((leaf, crossed), ANCHORS, NOW) is None


def test_the_check_of_a_pair_follows_its_chain() -> None:
    authority = Authority()
    pair = authority.issue("a.example.com")
    alone = pair.chain.split("-----END CERTIFICATE-----\n")[0] + "-----END CERTIFICATE-----\n"
    now = datetime.now(UTC)
    with pytest.raises(PairError, match='lacks the certificate of "homeport test authority"'):
        check_pair(CertificatePair(alone, pair.key), ("a.example.com",), now)
    anchor = authority.certificate.public_bytes(Encoding.DER)
    check_pair(CertificatePair(alone, pair.key), ("a.example.com",), now, [b"nonsense", anchor])
