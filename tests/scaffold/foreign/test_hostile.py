"""Foreign files that are broken, or meant to do harm: one line each, and nothing of them is run."""

from __future__ import annotations

import pytest
from hypothesis import given as generated
from hypothesis import settings
from hypothesis import strategies as st

from homeport.scaffold.foreign.variables import is_secret
from homeport.scaffold.foreign.yaml_values import MOST_VALUES, YamlError, read_yaml

from .given import foreign

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name}\n  <<: [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (LAUGHS, f"it has more than {MOST_VALUES} values"),
        (MERGES, f"it has more than {MOST_VALUES} values"),
        ("a: &a [*a]\n", "the alias a has no value, or is in its own"),
        ("[" * 50_000, "nested too deeply"),
        ("a: [1, 2\nb: 3\n", "it is no valid YAML"),
        ("a: b: c\n", "it is no valid YAML (mapping values are not allowed here)"),
        ("a: *nobody\n", "the alias nobody has no value"),
        ("a: 1\n---\nb: 2\n", "it has more than one document"),
        ("a: \x00\n", "it is no valid YAML"),
        ("services: {{ jinja }}\n  - x\n", "it is no valid YAML"),
    ],
    ids=["aliases", "merges", "recursion", "depth", "bracket", "colon", "alias", "documents", "zero", "jinja"],
)
def test_yaml_that_is_broken_or_a_bomb_is_said_in_one_line(text: str, why: str) -> None:
    with pytest.raises(YamlError) as caught:
        read_yaml(text)
    assert why in str(caught.value)
    [note] = foreign({"compose.yaml": text}).notes
    assert note.startswith("compose.yaml")
    assert "not read: " in note
    assert "\n" not in note


def test_a_tag_makes_no_object() -> None:
    found = foreign({"compose.yaml": "services: !!python/object/apply:os.system ['touch pwned']\n"})
    assert found.notes == ("compose.yaml: not read: it has no services",)


@pytest.mark.parametrize(
    "file", ["Dockerfile", "compose.yaml", "Procfile", "config/deploy.yml", "a.service", "supervisord.conf"]
)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00\x01\ufffd",
        "FROM\nCMD [\nENV\nRUN\n",
        "web: uvicorn 'app\n",
        "services: 1",
        'services: {web: {command: "uvicorn \'app", environment: 3, build: [], healthcheck: x}}',
        "service: [1]\nservers: 3\nproxy: []\nenv: x\naccessories: y\n",
        "[Service\nExecStart=\nExecStart=uvicorn 'x\n",
        "[program:]\ncommand=\n",
        "FROM python\nCMD ./a.sh\n",
        "FROM python\nCMD " + "${A:-" * 2000 + "\n",
        "FROM python\nRUN " + "a " * 100_000 + "\n",
    ],
)
def test_no_text_ends_in_a_traceback(file: str, text: str) -> None:
    found = foreign({file: text, "a.sh": "./a.sh\nsh a.sh\n"})
    assert all("\n" not in note for note in found.notes)


@settings(max_examples=60, deadline=None)
@generated(st.text(alphabet="FROM CMDENVRUN:[]{}\"'\\\n=$&|;<>-*!%()abc#,\t", max_size=200))
def test_nor_does_any_mixture_of_their_characters(text: str) -> None:
    for file in (
        "Dockerfile",
        "compose.yaml",
        "Procfile",
        "config/deploy.yml",
        "a.service",
        "supervisord.conf",
        "start.sh",
    ):
        foreign({file: text, "Dockerfile": "FROM python\nCMD ./start.sh\n"} if file == "start.sh" else {file: text})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_PASSWORD", "x"),
        ("apiKey", "x"),
        ("MYTOKEN", "x"),
        ("GITHUB_PAT", "x"),
        ("SENTRY_DSN", "x"),
        ("DATABASE_URL", "postgresql://me:pw@db/x"),
        ("ODBC", "Driver=x;Pwd=hunter2"),
        ("SOMETHING", "9f86d081884c7d659a2feaa0c55ad015"),
        ("TELEGRAM", "bot:1234567890abcdefABCDEF"),
        ("PEM", "-----BEGIN RSA PRIVATE KEY-----"),
    ],
)
def test_a_secret_is_known_by_its_name_or_its_value(name: str, value: str) -> None:
    assert is_secret(name, value)
    found = foreign({"Dockerfile": f'FROM python\nENV {name}="{value}"\n'})
    assert found.variables == (name,)
    assert found.get("environment") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STAGE", "production"),
        ("LOG_LEVEL", "info"),
        ("BASE_URL", "https://shop.example.com/api/v1"),
        ("PREFIX", "/api/v1"),
        ("ORIGINS", "https://a.example.com,https://b.example.com"),
        ("TIMEOUT_SECONDS", "30"),
        ("MONKEY", "yes"),
    ],
)
def test_what_is_no_secret_is_taken(name: str, value: str) -> None:
    found = foreign({"Dockerfile": f"FROM python\nENV {name}={value}\n"})
    assert found.get("environment") == {name: value}


def test_a_value_that_no_setting_may_have_is_listed_and_not_taken() -> None:
    found = foreign(
        {"Dockerfile": "FROM python\nCMD uvicorn app.main:app --workers 5000\nENV LD_PRELOAD=/tmp/x.so A=b\n"}
    )
    assert found.get("workers") is None
    assert found.notes[-2:] == (
        'Dockerfile:2: workers is not taken: must be "auto" or a number from 1 to 256',
        "Dockerfile:3: a variable is not taken: LD_PRELOAD names a file outside /usr, /lib, /opt, /srv, and root must "
        "not load a file that the application can write",
    )
    assert found.get("environment") == {"A": "b"}


@pytest.mark.parametrize("value", ["/app", "/srv/data/2024", "sqlite:////app/shop.db", "file:/var/x"])
def test_a_path_of_the_image_is_to_be_set_anew(value: str) -> None:
    found = foreign({"Dockerfile": f"FROM python\nENV PLACE={value}\n"})
    assert (found.get("environment"), found.variables) == (None, ("PLACE",))
    assert found.notes == (
        "Dockerfile:2: PLACE names a path of the image or the old machine: set it to one of the new machine",
    )
