"""Nomad's jobs, as HCL's grammar reads them: no Nomad is here."""

from __future__ import annotations

import json
from typing import Any

import hcl2
import pytest

from homeport.exports.engines import ENGINES
from tests.exports.subjects import subject
from tests.service.kept_units import CASES, PROCESSES, Case
from tests.state.builders import SECRET

NOMAD = ENGINES["nomad"]


def plain(value: Any) -> Any:
    """Return what was read without the quotes that the reader leaves around strings and names of blocks."""
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items() if not str(key).startswith("__")}
    if isinstance(value, list):
        return [plain(one) for one in value]
    quoted = isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"'
    return json.loads(value) if quoted else value


def job(name: str, case: Case = Case()) -> dict[str, Any]:  # noqa: B008
    read = plain(hcl2.loads(NOMAD.files(subject(case))[f"{name}.nomad.hcl"].text))
    [found] = read["job"]
    result: dict[str, Any] = found[name]
    return result


def blocks(parent: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the blocks of a kind by their names."""
    return {name: body for one in parent.get(kind, []) for name, body in one.items()}


def test_a_new_allocation_comes_first_and_a_release_that_is_not_healthy_goes_back() -> None:
    server = blocks(job("notes", Case({"watch_seconds": 9})), "group")["server"]
    [update] = server["update"]
    assert (update["canary"], update["auto_promote"], update["auto_revert"]) == (1, True, True)
    assert (update["health_check"], update["min_healthy_time"]) == ("checks", "9s")
    [restarting] = blocks(job("notes", Case({"switch": "restart"})), "group")["server"]["update"]
    assert "canary" not in restarting


def test_the_server_is_closed_up_and_migrates_before_it_starts() -> None:
    case = Case({"memory_max_megabytes": 512, "cpu_weight": 300, "stop_timeout_seconds": 40})
    tasks = blocks(blocks(job("notes", case), "group")["server"], "task")
    assert list(tasks) == ["migrate", "server"]
    [lifecycle] = tasks["migrate"]["lifecycle"]
    assert lifecycle == {"hook": "prestart", "sidecar": False}
    server = tasks["server"]
    [config] = server["config"]
    assert (config["args"], config["ports"], config["cap_drop"]) == (["serve"], ["http"], ["all"])
    assert config["readonly_rootfs"] is True
    assert server["kill_timeout"] == "40s"
    assert server["resources"] == [{"cpu": 300, "memory": 512}]
    assert server["volume_mount"] == [{"volume": "state", "destination": "/var/lib/notes"}]
    assert server["env"][0]["TOKEN_FILE"] == "/secrets/TOKEN"
    assert list(blocks(blocks(job("notes", Case(alembic=False)), "group")["server"], "task")) == ["server"]


def test_the_clusters_traefik_is_told_of_the_site_by_tags() -> None:
    [service] = blocks(job("notes", Case({"served_domains": ["shop.example.com"]})), "group")["server"]["service"]
    tags = dict(tag.split("=", 1) for tag in service["tags"])
    assert tags["traefik.http.routers.notes.rule"] == "Host(`notes.example.com`) || Host(`shop.example.com`)"
    assert tags["traefik.http.routers.notes-aliases.rule"] == "Host(`www.example.com`)"
    assert tags["traefik.http.middlewares.notes-hsts.headers.stsseconds"] == "63072000"
    [check] = service["check"]
    assert check["header"][0]["Host"] == ["notes.example.com"]


def test_a_process_is_a_group_and_a_timer_a_job_with_the_variables_of_its_own() -> None:
    found = job("notes", Case(PROCESSES))
    assert list(blocks(found, "group")) == ["server", "worker", "mail"]
    timer = job("notes-digest", Case(PROCESSES))
    assert (timer["type"], timer["periodic"][0]["crons"]) == ("batch", ["10 3 * * *"])
    [template] = blocks(blocks(timer, "group")["digest"], "task")["digest"]["template"]
    assert template["data"] == '{{ with nomadVar "nomad/jobs/notes-digest" }}{{ .TOKEN }}{{ end }}'


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_job_is_of_the_grammar_without_secrets_and_the_same_again(case: Case) -> None:
    found = NOMAD.files(subject(case))
    assert SECRET not in repr(found)
    assert found == NOMAD.files(subject(case))
    for name, file in found.items():
        if name.endswith(".hcl"):
            assert set(plain(hcl2.loads(file.text))) == {"variable", "job"}
            assert file.text.startswith("# Written by homeport (`export nomad production`) for notes")


def test_what_nomad_cannot_keep_is_named_and_what_nobody_has_tried_is_said() -> None:
    case = Case(
        {
            "replicas": 2,
            "processes": {"server": "true"},
            "timers": {"often": {"command": "true", "schedule": "*-*-* *:*:30"}},
        }
    )
    assert [key for key, _, _ in NOMAD.problems(subject(case))] == ["replicas", "processes", "timers"]
    assert "only the syntax of the jobs has been checked: no Nomad has run them" in NOMAD.warnings(subject())
