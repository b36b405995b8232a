"""The schemas that are published, and the command that prints them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from homeport.cli.main import cli
from homeport.cli.schema import SCHEMAS, names
from homeport.releases.listing import published

RELEASE = {"id": "0123456789ab", "state": "live", "whole": True, "live_at": None, "migrations": [["0001", "Notes."]]}
READ = {"app": "notes", "live": "0123456789ab", "running": True, "hold": {}, "releases": [RELEASE]}


def conforms(document: object, name: str) -> None:
    """Have a document be as the schema of this name says; raises jsonschema's ValidationError when it is not."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)


@pytest.mark.parametrize("name", names())
def test_a_schema_is_one_and_is_printed_as_it_is(name: str) -> None:
    printed = CliRunner().invoke(cli, ["schema", name])
    assert printed.exit_code == 0
    schema = json.loads(printed.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("name", names())
def test_a_schema_allows_no_key_that_it_does_not_describe(name: str) -> None:
    for key, one in objects(json.loads((SCHEMAS / f"{name}.json").read_text())):
        assert one.get("additionalProperties") is not None, f"{name}: {key}"
        for field, described in one.get("properties", {}).items():
            assert "description" in described or "$ref" in described, f"{name}: {field}"


def objects(node: Any, key: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Return every schema of an object in a schema, with the key that it stands at."""
    if isinstance(node, list):
        return [found for one in node for found in objects(one, key)]
    if not isinstance(node, dict):
        return []
    own = [(key, node)] if node.get("type") == "object" else []
    return own + [found for name, one in node.items() for found in objects(one, name)]


def test_the_names_are_listed_and_a_wrong_one_is_refused_with_them() -> None:
    listed = CliRunner().invoke(cli, ["schema"])
    assert listed.stdout.splitlines() == names()
    refused = CliRunner().invoke(cli, ["schema", "nothing"])
    assert refused.exit_code == 2
    assert "releases" in refused.stderr


def test_releases_of_any_host_program_are_published_in_the_same_form() -> None:
    document = [{"host": "web1", **published({**READ, "news": 1})}, {"host": "web2", "error": "no answer"}]
    conforms(document, "releases")
    with pytest.raises(jsonschema.ValidationError):
        conforms([{"host": "web1", **READ}], "releases")
