from __future__ import annotations

import pytest

from homeport.certificates.dns_plugin_lock import check_plugin_lock

HASH = "--hash=sha256:" + "0" * 64
LOCK = f"""# made by uv
certbot-dns-rfc2136==5.8.0 \\
    {HASH} \\
    {HASH}
dnspython==2.8.0 ; python_version > '3' \\
    {HASH}
"""


def test_a_lock_with_hashes_is_taken() -> None:
    check_plugin_lock(LOCK, "certbot-dns-rfc2136")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("certbot-dns-rfc2136==5.8.0\n", "certbot-dns-rfc2136==5.8.0 is not pinned with == and a hash"),
        (f"certbot-dns-rfc2136>=5 {HASH}\n", "not pinned"),
        (f"{LOCK}-r more.txt\n", "-r is not pinned"),
        (f"{LOCK}https://example.com/x.whl {HASH}\n", "not pinned"),
        (f"{LOCK}--index-url https://example.com\n", "not pinned"),
        (f"dnspython==2.8.0 {HASH}\n", "certbot-dns-rfc2136 is not in it"),
    ],
)
def test_anything_else_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check_plugin_lock(text, "certbot-dns-rfc2136")
