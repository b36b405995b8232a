"""The templates and what a project may do with them. Nginx itself judges what is made for it, where it is installed.

tests/lab/test_files.py has the Nginx of every suite judge the same sites.
"""

from __future__ import annotations

import functools
import os
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeport.controller.folders import TEMPLATES
from homeport.errors import UsageError
from homeport.rendering.filters import server_name
from homeport.rendering.rendering import render
from homeport.state.snapshot import MachineFound
from homeport.state.wanted import File
from tests.capabilities import own_network
from tests.nginx_sites import EDGES, files, some_sites, write
from tests.state.builders import make_settings

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
needs_nginx = pytest.mark.skipif(not (NGINX and own_network()), reason="no Nginx here, or no network of its own for it")
SITE = "/etc/nginx/homeport/notes.conf"


@functools.cache
def machine(*, ipv6: bool = False) -> MachineFound:
    """Return a machine with the Nginx of this one."""
    told = subprocess.run([str(NGINX), "-v"], capture_output=True, text=True, check=True).stderr
    version = tuple(map(int, re.findall(r"/([\d.]+)", told)[0].split(".")))
    return MachineFound("debian", "13" if version >= (1, 25, 1) else "12", ipv6=ipv6)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=x", "-keyout", str(folder / "privkey.pem"), "-out", str(folder / "fullchain.pem")]
    subprocess.run([*command, *names], check=True, capture_output=True)
    return folder


def nginx_says(folder: Path) -> str:
    """Have Nginx check the configuration, in a network of its own; return what it does not like, warnings included."""
    command = [
        *own_network(),
        str(NGINX),
        "-t",
        "-q",
        "-e",
        str(folder / "error.log"),
        "-c",
        str(folder / "nginx.conf"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr + done.stdout + ("" if done.returncode == 0 else f"status {done.returncode}")


def checked(folder: Path, certificate: Path, content: dict[str, File]) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(certificate, folder / "tls")
    shutil.copy("/etc/nginx/mime.types", folder)
    write(folder, content)
    return nginx_says(folder)


@needs_nginx
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0), st.booleans())
def test_nginx_accepts_every_combination_of_sites(tmp_path: Path, certificate: Path, seed: int, ipv6: bool) -> None:
    # Not hypothesis's own random numbers: they took as long as Nginx, and a site has nothing to make smaller.
    sites = some_sites(random.Random(seed))  # noqa: S311
    assert checked(tmp_path / "nginx", certificate, files(sites, machine(ipv6=ipv6))) == ""


@needs_nginx
@pytest.mark.parametrize("text", ["EXTENDED", "RAISED"])
def test_nginx_accepts_what_an_override_adds(tmp_path: Path, certificate: Path, text: str) -> None:
    overrides = tmp_path / "overrides"
    override(overrides, "nginx/site.conf", globals()[text])
    content = files([make_settings()], machine(), overrides)
    assert checked(tmp_path / "nginx", certificate, content) == ""


@needs_nginx
def test_nginx_is_really_asked(tmp_path: Path, certificate: Path) -> None:
    nonsense = '{% extends "homeport/nginx/site.conf" %}{% block server %}nonsense;{% endblock %}'
    override(tmp_path / "overrides", "nginx/site.conf", nonsense)
    content = files([make_settings()], machine(), tmp_path / "overrides")
    assert 'unknown directive "nonsense"' in checked(tmp_path / "nginx", certificate, content)


NESTED = "        location /api/ {\n            deny all;\n        }"
BY_URI = "        add_header X-Asked-For $uri always;"


FROM_DISK = "        if (-f $request_filename) {\n            return 204;\n        }"
OWN = [("", True), (NESTED, False), (BY_URI, False), (FROM_DISK, False), ("        deny all;", True)]


@pytest.mark.parametrize(("own", "closes"), OWN)
def test_a_site_closes_before_a_reload_unless_an_override_looks_at_the_uri(
    tmp_path: Path, own: str, closes: bool
) -> None:
    text = '{% extends "homeport/nginx/site.conf" %}{% block location %}\n' + own + "\n{% endblock %}"
    override(tmp_path / "overrides", "nginx/site.conf", text)
    site = str(files([make_settings()], MachineFound("debian", "12"), tmp_path / "overrides")[SITE].content)
    assert ("if (-f /run/homeport/closing)" in site) == closes
    # Requests that wait for the application wait in such a site alone; each slot has a location for what has waited.
    assert ("error_page 502 = @homeport_hold;" in site) == closes
    assert site.count(own) == 1 + 3 * closes or not own


EXTENDED = """{% extends "homeport/nginx/site.conf" %}
{% block location %}
        proxy_buffering off;
{% endblock %}
{% block server %}
    location /static/ {
        root /srv/{{ app }}/static;
    }
{% endblock %}
"""


RAISED = """{% extends "homeport/nginx/site.conf" %}
{% block buffers %}
        proxy_buffer_size 64k;
        proxy_buffers 16 16k;
        proxy_busy_buffers_size 64k;
{% endblock %}
{% block limits %}
    client_max_body_size 0;
{% endblock %}
{% block timeouts %}
        proxy_read_timeout 1h;
{% endblock %}
"""
# What a site and Nginx's configuration are made of; all else is a matter of choice.
SKELETON = {"listen", "http2", "server_name", "ssl_certificate", "ssl_certificate_key", "proxy_pass", "set", "return"}
SKELETON |= {
    "root",
    "default_type",
    "include",
    "keepalive",
    "keepalive_timeout",
    "zone",
    "server",
    "internal",
    "rewrite",
}
# An override that says either says it alone: then no request waits.
SKELETON |= {"error_page", "recursive_error_pages"}


@pytest.mark.parametrize("name", ["nginx/site.conf", "nginx/nginx.conf"])
def test_every_choice_of_the_proxys_configuration_stands_in_a_block_that_an_override_replaces(name: str) -> None:
    outside, depth = set(), 0
    for line in (TEMPLATES / name).read_text().splitlines():
        depth += len(re.findall(r"{% block ", line)) - len(re.findall(r"{% endblock ", line))
        if depth == 0 and (found := re.match(r"\s*(\w+) [^#]*;$", line)):
            outside.add(found[1])
    assert outside <= SKELETON


def override(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def refusal(folder: Path, name: str = "a.conf", **values: object) -> str:
    with pytest.raises(UsageError) as caught:
        render(name, folder, **values)
    line = str(caught.value)
    assert "\n" not in line
    return line


@given(st.randoms(use_true_random=False), st.booleans())
def test_every_name_of_a_site_is_in_its_file_and_no_expression_is_left(chance: random.Random, ipv6: bool) -> None:
    sites = some_sites(chance)
    content = files(sites, MachineFound(ipv6=ipv6))
    for site in sites:
        text = content[f"/etc/nginx/homeport/{site.app_name}.conf"].content
        for domain in site.domains:
            assert re.search(rf"server_name[^;]* {re.escape(server_name(domain))}[ ;]", text)
        assert f"127.0.0.1:{site.port_blue}" in text
        assert ("[::]" in text) == ipv6
        assert ("Strict-Transport-Security" in text) == (site.hsts_seconds > 0)
        assert ("; includeSubDomains" in text, "; preload" in text) == (site.hsts_subdomains, site.hsts_preload)
    for file in content.values():
        assert not re.search(r"\{[{%#]|[}%#]\}", file.content)
        assert file.content.endswith("\n")


def test_an_override_of_the_same_name_replaces_a_template(tmp_path: Path) -> None:
    override(tmp_path, "nginx/nginx.conf", "# mine\n")
    assert files([make_settings()], MachineFound(), tmp_path)["/etc/nginx/nginx.conf"].content == "# mine\n"


def test_an_override_may_extend_the_original_and_replace_some_of_its_blocks(tmp_path: Path) -> None:
    override(tmp_path, "nginx/site.conf", EXTENDED)
    ours, theirs = (files([make_settings()], MachineFound(), folder)[SITE].content for folder in (None, tmp_path))
    assert "proxy_buffering off;" in theirs
    assert "root /srv/notes/static;" in theirs
    added = [line for line in theirs.splitlines() if line not in ours.splitlines()]
    # What a block of the location says holds in the one that takes its place before a reload, too, and in the two for
    # what has waited.
    buffering = "        proxy_buffering off;"
    assert added == ["    location /static/ {", "        root /srv/notes/static;", *[buffering] * 4]
    assert [line for line in ours.splitlines() if line.strip() and line not in theirs.splitlines()] == []


def test_other_templates_stay_as_they_are_beside_an_override(tmp_path: Path) -> None:
    override(tmp_path, "nginx/site.conf", EXTENDED)
    ours, theirs = (files([make_settings()], MachineFound(), folder) for folder in (None, tmp_path))
    assert [path for path in ours if ours[path] != theirs[path]] == [SITE]


def test_an_undefined_name_is_named_with_file_and_line(tmp_path: Path) -> None:
    override(tmp_path, "a.conf", "one\ntwo\n{{ domian }}\n")
    line = refusal(tmp_path, domain="x")
    assert line == f"{tmp_path}/a.conf:3: template cannot be rendered: 'domian' is undefined"


def test_an_undefined_name_in_an_extended_block_is_named_with_the_overrides_line(tmp_path: Path) -> None:
    override(tmp_path, "a.conf", "{% block x %}{% endblock %}\n")
    override(tmp_path, "b.conf", '{% extends "a.conf" %}\n\n{% block x %}\n{{ domian }}\n{% endblock %}\n')
    assert refusal(tmp_path, "b.conf").startswith(f"{tmp_path}/b.conf:4: ")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("{% if %}", 1, "Expected an expression"),
        ("\n{% block x %}\n", 2, "Unexpected end of template"),
        ("\n\n{{ 1 / 0 }}", 3, "division by zero"),
        ("{{ 'a' + 1 }}", 1, "can only concatenate str"),
        ("{{ none.x }}", 1, "has no attribute 'x'"),
        ("\n{{ [].pop() }}", 2, "pop from empty list"),
        ('\n{% extends "homeport/nginx/typo.conf" %}', 2, "there is no template homeport/nginx/typo.conf"),
        ('{{ "a\\0b" | systemd_quote }}', 1, "a command line cannot contain a zero byte"),
    ],
)
def test_any_mistake_in_an_override_is_one_line_with_its_place(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    override(tmp_path, "a.conf", text)
    said = refusal(tmp_path)
    assert said.startswith(f"{tmp_path}/a.conf:{line}: template cannot be rendered: ")
    assert problem in said


def test_a_template_that_does_not_exist_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path, "typo.conf") == "typo.conf: template cannot be rendered: there is no template typo.conf"


def test_an_override_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_bytes(b"\xff")
    assert refusal(tmp_path).startswith("a.conf: template cannot be rendered: ")


# Parts of other files.
PARTS = (
    *("sandbox.conf", "surroundings.conf", "environment.conf", "condition.conf", "headers.conf", "tls.conf"),
    *("edges_http.conf", "edges_client.conf", "edges_server.conf", "edges_client.cfg", "edges.cfg", "redirects.cfg"),
    *("paths.conf", "paths.cfg", "reading_on.cfg"),
    *("static.conf", "static-cache.conf", "types.conf", "hold.conf", "hold_http.conf", "hold_question.conf"),
    *("errors.conf", "errors_http.conf", "errors.cfg"),
    *("common", "parts.hcl", "application", "release_arguments.sh", "check.sh"),
)


def test_every_template_that_makes_a_file_says_where_it_comes_from() -> None:
    for template in TEMPLATES.rglob("*"):
        if template.is_file() and template.parent.name != "tools" and template.name not in PARTS:
            assert "Written by homeport" in "".join(template.read_text().splitlines()[:2]), template


@pytest.mark.parametrize(
    "data", [*EDGES, {"static": {"/s": "a"}, "spa": {"/": "b", "/c": "d"}}, {"error_page": "a.html"}]
)
@pytest.mark.parametrize("hold_seconds", [0, 10])
def test_every_variable_of_ours_is_made_somewhere(data: dict[str, Any], hold_seconds: int) -> None:
    """Without Nginx, which says so too where there is one."""
    sites = [make_settings(hold_seconds=hold_seconds, **data)]
    text = "\n".join(file.content for file in files(sites, MachineFound("debian", "12")).values())
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    used = set(re.findall(r"\$\{?((?:homeport|edge)_\w+)", "\n".join(lines)))
    made = set(re.findall(r"""\bset \$(\w+)|\b(?:map|geo) (?:"[^"]+" |\S+ )?\$(\w+) \{""", "\n".join(lines)))
    assert used <= {one or other for one, other in made} | {"homeport_none"}, used
    named = set(re.findall(r"[ =](@homeport_\w+)", "\n".join(lines)))
    places = set(re.findall(r"location (@\w+)", text))
    # A slot's name is put behind what `$homeport_again` says.
    assert {one for one in named if one not in places and f"{one}_blue" not in places} == set()
