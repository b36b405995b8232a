from __future__ import annotations

import base64

import pytest

from homeport.outbound.http_heads import Place, answer, connect, parse

LOGIN = base64.b64encode(b"homeport:secret").decode()


def head(first: str, *lines: str) -> bytes:
    return "\r\n".join((first, *lines)).encode()


@pytest.mark.parametrize(
    ("first", "place"),
    [
        ("CONNECT pypi.example:443 HTTP/1.1", Place("pypi.example", 443)),
        ("CONNECT [2001:db8::1]:8443 HTTP/1.1", Place("2001:db8::1", 8443)),
        ("GET http://deb.example/debian/a%20b?c HTTP/1.1", Place("deb.example", 80, tunnel=False)),
        ("HEAD http://deb.example:3142/ HTTP/1.0", Place("deb.example", 3142, tunnel=False)),
    ],
)
def test_what_is_asked_for(first: str, place: Place) -> None:
    assert parse(head(first, "Host: elsewhere.example")).place == place


@pytest.mark.parametrize(
    "first",
    [
        *("GET / HTTP/1.1", "GET https://pypi.example/ HTTP/1.1", "GET ftp://a.example/ HTTP/1.1"),
        *("CONNECT pypi.example HTTP/1.1", "CONNECT :443 HTTP/1.1", "GET http:///a HTTP/1.1"),
        *("CONNECT a.example:99999 HTTP/1.1", "CONNECT a.example:x HTTP/1.1"),
    ],
)
def test_a_request_that_is_not_for_a_proxy_is_named(first: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        _ = parse(head(first)).place


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"GET", b"GET /", b"GET / HTTP/2.0", b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\nno header"),
        *(b"GET / HTTP/1.1\r\nA : b", b"GET / HTTP/1.1\r\n folded: b", b"GET / HTTP/1.1\r\nA: b\nC: d"),
    ],
)
def test_text_that_is_no_request_is_named(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(data)


@pytest.mark.parametrize(
    ("line", "is_ours"),
    [
        (f"Proxy-Authorization: Basic {LOGIN}", True),
        (f"proxy-authorization: basic  {LOGIN}", True),
        ("Proxy-Authorization: Basic aG9tZXBvcnQ6Z3Vlc3M=", False),
        ("Proxy-Authorization: Basic ", False),
        (f"Proxy-Authorization: Bearer {LOGIN}", False),
        (f"Authorization: Basic {LOGIN}", False),
        ("Proxy-Authorization: Basic \xff\xfe", False),
    ],
)
def test_only_who_has_the_password_is_let_through(line: str, *, is_ours: bool) -> None:
    assert parse(f"CONNECT a.example:443 HTTP/1.1\r\n{line}".encode("latin-1")).is_from("homeport", "secret") == is_ours


def test_a_forwarded_request_lacks_our_password_and_closes_its_connection() -> None:
    lines = ("Host: deb.example", f"Proxy-Authorization: Basic {LOGIN}", "Proxy-Connection: keep-alive", "TE: trailers")
    one = parse(head("GET http://deb.example/a?b HTTP/1.1", *lines, "Authorization: Basic theirs", "Accept: */*"))
    kept = b"Host: deb.example\r\nAuthorization: Basic theirs\r\nAccept: */*\r\n"
    assert one.passed_on(absolute=False) == b"GET /a?b HTTP/1.1\r\n" + kept + b"Connection: close\r\n\r\n"
    to_a_proxy = one.passed_on(absolute=True, authorization="Basic another")
    assert to_a_proxy.startswith(b"GET http://deb.example/a?b HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic another\r\n" in to_a_proxy
    assert LOGIN.encode() not in to_a_proxy


def test_content_has_a_length_or_is_refused() -> None:
    first = "POST http://a.example/ HTTP/1.1"
    assert parse(head(first)).content_bytes == 0
    assert parse(head(first, "Content-Length: 12")).content_bytes == 12
    for line in ("Transfer-Encoding: chunked", "Content-Length: -1", "Content-Length: x", "Content-Length: ²"):
        with pytest.raises(ValueError, match=r"."):
            _ = parse(f"{first}\r\n{line}".encode("latin-1")).content_bytes


def test_another_proxy_is_asked_for_a_tunnel_with_its_own_password() -> None:
    assert connect(Place("2001:db8::1", 443), "Basic x") == (
        b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\nProxy-Authorization: Basic x\r\n\r\n"
    )


def test_an_answer_is_one_line_whatever_its_words() -> None:
    assert answer(502, "a\r\nX-Evil: é").split(b"\r\n")[0] == b"HTTP/1.1 502 a X-Evil: ?"
