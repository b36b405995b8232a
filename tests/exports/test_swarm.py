"""The stack, Traefik's file, and release.sh with a stand-in for docker."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from homeport.exports.engines import ENGINES, File
from homeport.exports.writing import write, write_secrets
from tests.exports.release_scripts import Scripted
from tests.exports.subjects import CODE, subject
from tests.service.kept_units import CASES, PROCESSES, Case
from tests.state.builders import SECRET

SWARM = ENGINES["swarm"]
SEVERAL = {"replicas": 3, "state_volume_megabytes": None}


def files(case: Case = Case()) -> dict[str, File]:  # noqa: B008
    return dict(SWARM.files(subject(case)))


def stack(case: Case = Case()) -> dict[str, Any]:  # noqa: B008
    found: dict[str, Any] = yaml.safe_load(files(case)["stack.yaml"].text)
    return found


def site(case: Case = Case()) -> dict[str, Any]:  # noqa: B008
    found: dict[str, Any] = yaml.safe_load(files(case)["traefik.yaml"].text)
    return found


def test_a_new_container_comes_before_an_old_one_goes_and_a_failed_update_is_taken_back() -> None:
    app = stack(Case({**SEVERAL, "watch_seconds": 9}))["services"]["app"]
    assert app["deploy"]["replicas"] == 3
    assert app["deploy"]["update_config"] == {
        "parallelism": 1,
        "order": "start-first",
        "failure_action": "rollback",
        "monitor": "9s",
    }
    assert app["deploy"]["rollback_config"]["order"] == "start-first"
    assert app["deploy"]["endpoint_mode"] == "dnsrr"
    restarting = stack(Case({"switch": "restart"}))["services"]["app"]
    assert restarting["deploy"]["update_config"]["order"] == "stop-first"


@pytest.mark.parametrize("name", ["app", "worker"])
def test_each_container_of_the_application_is_closed_up_and_is_where_its_state_is(name: str) -> None:
    case = Case({**PROCESSES, "memory_max_megabytes": 512, "cpu_max": 2, "stop_timeout_seconds": 40})
    found = stack(case)["services"][name]
    assert (found["read_only"], found["init"], found["cap_drop"]) == (True, True, ["ALL"])
    assert {"type": "volume", "source": "state", "target": "/var/lib/notes"} in found["volumes"]
    assert found["deploy"]["placement"] == {"constraints": ["node.labels.notes.state == yes"]}
    assert found["deploy"]["resources"] == {"limits": {"cpus": "2", "memory": "512M"}}
    [secret] = found["secrets"]
    assert (secret["source"], secret["uid"], secret["mode"]) == ("TOKEN", "10001", 0o400)
    assert "ports" not in found


def test_a_server_without_its_database_is_not_replaced_and_one_that_never_was_healthy_does_not_go_live() -> None:
    health = stack()["services"]["app"]["healthcheck"]
    first, then = health["test"][1].split("fi; ")
    assert first.endswith("exec python -I -S /app/.homeport/health.py alive; ")
    assert then == "python -I -S /app/.homeport/health.py && : >/tmp/homeport-healthy"
    assert stack(Case(PROCESSES))["services"]["worker"]["healthcheck"] == {"disable": True}


def test_replicas_without_a_volume_may_be_on_any_node() -> None:
    app = stack(Case(SEVERAL))["services"]["app"]
    assert "placement" not in app["deploy"]
    assert {"type": "tmpfs", "target": "/var/lib/notes"} in app["volumes"]
    assert "state" not in stack(Case(SEVERAL))["volumes"]


def test_only_the_proxy_is_reached_from_outside_and_has_no_engine_in_its_hands() -> None:
    found = stack(Case({"acme_email": "a@example.com", "acme_key_curve": "secp384r1", "acme_profile": "tlsserver"}))
    proxy = found["services"]["proxy"]
    assert [name for name, one in found["services"].items() if "ports" in one] == ["proxy"]
    assert {one["mode"] for one in proxy["ports"]} == {"host"}
    assert "docker.sock" not in repr(proxy)
    for word in ("caserver=https://acme-v02.api.letsencrypt.org/directory", "keytype=EC384", "email=a@example.com"):
        assert f"--certificatesresolvers.acme.acme.{word}" in proxy["command"]
    assert proxy["deploy"]["placement"] == {"constraints": ["node.labels.notes.proxy == yes"]}
    assert stack(Case({"sandbox_network": "local"}))["services"]["app"]["networks"] == ["inside"]


def test_the_site_has_the_names_headers_and_limits_of_the_settings() -> None:
    case = Case({"served_domains": ["shop.example.com"], "proxy_read_timeout_seconds": 90, "tls_profile": "modern"})
    found = site(case)
    routers = found["http"]["routers"]
    assert routers["site"]["rule"] == "Host(`notes.example.com`) || Host(`shop.example.com`)"
    assert routers["aliases"]["rule"] == "Host(`www.example.com`)"
    assert routers["aliases"]["middlewares"] == ["domain"]
    [names] = routers["site"]["tls"]["domains"]
    assert {names["main"], *names["sans"]} == {"notes.example.com", "shop.example.com", "www.example.com"}
    assert routers["site"]["tls"]["options"] == "modern"
    assert found["tls"]["options"]["modern"] == {"minVersion": "VersionTLS13"}
    headers = found["http"]["middlewares"]["headers"]["headers"]
    assert headers["stsSeconds"] == 63072000
    assert headers["customRequestHeaders"] == {"Forwarded": ""}
    transport = found["http"]["serversTransports"]["application"]
    assert transport["forwardingTimeouts"]["responseHeaderTimeout"] == "90s"
    assert transport["maxIdleConnsPerHost"] == -1


def test_another_site_is_another_file_for_swarm() -> None:
    one, other = (stack(Case(settings))["configs"]["site"] for settings in ({}, {"hsts_seconds": 0}))
    assert one["name"] != other["name"]
    assert one["file"] == "./traefik.yaml"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_file_has_a_secret_all_are_the_same_again_and_can_be_read(case: Case, tmp_path: Path) -> None:
    found = files(case)
    assert SECRET not in repr(found)
    assert found == files(case)
    yaml.safe_load(found["stack.yaml"].text)
    (tmp_path / "release.sh").write_text(found["release.sh"].text)
    shellcheck = str(Path(sys.executable).with_name("shellcheck"))
    done = subprocess.run([shellcheck, str(tmp_path / "release.sh")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_a_swarm_cannot_keep_is_named() -> None:
    case = Case({**SEVERAL, "environment": {"DATABASE_URL": "sqlite:///a.db"}, "processes": {"proxy": "true"}})
    assert [key for key, _, _ in SWARM.problems(subject(case))] == ["replicas", "processes"]
    network = Case({"sandbox_network": ["10.0.0.0/8"]})
    assert [key for key, _, _ in SWARM.problems(subject(network))] == ["sandbox_network"]
    volume = Case({"replicas": 2})
    assert [key for key, _, _ in SWARM.problems(subject(volume, code=CODE))] == ["replicas"]


# Writes its words, one call a line; a service of the stack is there once the stack is.
STAND_IN = r"""#!/bin/sh
for word; do printf '%s\t' "$word"; done >>"$LOG/calls"
echo >>"$LOG/calls"
case "$*" in
info*) echo "${MANAGER-true}" ;;
"node ls"*) printf '%s\n' ${NODES-one} ;;
"node inspect"*) echo "${LABEL-}" ;;
"network inspect"* | "secret inspect"*) exit 1 ;;
*"--name notes-migrate"*) [ -z "${RUNNING-}" ] || { echo "Error: name conflicts: already exists" >&2; exit 1; } ;;
"service ps"*notes-migrate) echo "${MIGRATION-Complete 1 second ago}" ;;
"service ps"*notes_proxy) echo "${PROXY-Running 1 second ago}" ;;
"service logs"*) echo "the log of it" ;;
"stack deploy"*) : >"$LOG/deployed"; printf '%s\n' "$IMAGE $SECRET_TOKEN" >"$LOG/release" ;;
"service inspect"*notes_app) [ -e "$LOG/deployed" ] && echo "${UPDATE-completed}" ;;
"service ls"*notes_app*) printf 'notes_app 1/1\nnotes_app2 0/1\n' ;;
"service inspect"*) echo '"notes-TOKEN-kept"' ;;
"secret ls"*) printf 'notes-TOKEN-kept\nnotes-TOKEN-old\n' ;;
esac
"""


class Manager(Scripted):
    """The exported folder on a manager of a swarm, and what docker was told."""

    def __init__(self, folder: Path, case: Case = Case(), *, secrets: bool = True):  # noqa: B008
        super().__init__(folder, {"docker": STAND_IN, "sleep": "#!/bin/sh\n"})
        write(self.folder, files(case), SWARM.record, force=False)
        release = self.folder / "release.sh"
        release.write_text(re.sub(r"attempts=\d+", "attempts=12", release.read_text()))
        if secrets:
            write_secrets(self.folder, {"TOKEN": SECRET})

    def release(self, *words: str, **variables: str) -> tuple[int, list[str], str]:
        """Return the status, the calls, and what was said."""
        status, calls, said = self.run(*words, **variables)
        return status, [" ".join(line.split("\t")[:-1]) for line in calls], said


def place(calls: list[str], start: str) -> int:
    """Return where the first call of this kind stands."""
    return next(number for number, call in enumerate(calls) if call.startswith(start))


def test_a_release_makes_secrets_then_migrates_once_then_updates(tmp_path: Path) -> None:
    manager = Manager(tmp_path)
    status, calls, said = manager.release("v1")
    assert status == 0, said
    order = ["secret create", "service create", "service rm notes-migrate", "stack deploy"]
    assert sorted(order, key=lambda one: place(calls, one)) == order
    migration = calls[place(calls, "service create")]
    assert migration.endswith(" notes:v1 migrate")
    assert "--restart-condition none" in migration
    assert "--network notes-inside --network notes-outside" in migration
    assert "--mount type=volume,source=notes-state,target=/var/lib/notes" in migration
    image, secret = (manager.log / "release").read_text().split()
    assert image == "notes:v1"
    assert f"source={secret},target=TOKEN,uid=10001,gid=10001,mode=0400" in migration
    assert "network create --driver overlay --internal notes-inside" in calls
    assert SECRET not in "".join(calls)
    # Of a swarm of one node it is plain which it is.
    assert "node update --label-add notes.state=yes one" in calls
    assert "secret rm notes-TOKEN-old" in calls
    assert "secret rm notes-TOKEN-kept" not in calls


def test_a_digest_is_an_image_and_the_way_back_does_not_migrate(tmp_path: Path) -> None:
    manager = Manager(tmp_path)
    status, calls, _ = manager.release("--no-migration", "sha256:0123")
    assert status == 0
    assert not [call for call in calls if call.startswith("service create")]
    assert (manager.log / "release").read_text().startswith("notes@sha256:0123 ")


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        ((), {}, "a tag is missing: sh release.sh TAG"),
        (("latest",), {}, "latest may be another image tomorrow: give each image a tag of its own"),
        (("a b",), {}, "a b is not a tag of an image"),
        (("v1", "v2"), {}, "one tag is enough: sh release.sh TAG"),
        (("v1",), {"MANAGER": "false"}, "this is no manager of a swarm: docker swarm init, or run it on one"),
        (
            ("v1",),
            {"NODES": "one two"},
            "no node has the site's address, for the proxy and its certificates: "
            "docker node update --label-add notes.proxy=yes NODE",
        ),
    ],
)
def test_what_is_missing_is_a_line_and_nothing_is_changed(
    words: tuple[str, ...], variables: dict[str, str], said: str, tmp_path: Path
) -> None:
    status, calls, found = Manager(tmp_path).release(*words, **variables)
    assert (status, found) == (2, f"homeport: {said}\n")
    assert not [call for call in calls if " create " in f"{call} " or "deploy" in call]


def test_a_missing_secret_is_a_line(tmp_path: Path) -> None:
    status, calls, said = Manager(tmp_path, secrets=False).release("v1")
    assert status == 2
    assert said.startswith("homeport: the secret TOKEN is missing: put its value into ")
    assert not [call for call in calls if " create " in call]


@pytest.mark.parametrize("state", ["Failed 1 second ago task: non-zero exit (1)", "Rejected no such image"])
def test_a_migration_that_fails_stops_the_release(state: str, tmp_path: Path) -> None:
    status, calls, said = Manager(tmp_path).release("v1", MIGRATION=state)
    assert status == 1
    assert said.endswith(f"the migration failed ({state}): nothing was rolled out, and what served before goes on\n")
    assert not [call for call in calls if call.startswith("stack deploy")]
    assert "service rm notes-migrate" in calls


def test_a_migration_of_another_release_is_left_alone(tmp_path: Path) -> None:
    status, calls, said = Manager(tmp_path).release("v1", RUNNING="yes")
    assert status == 1
    assert "a migration is running, by another release" in said
    assert "service rm notes-migrate" not in calls


def test_an_update_that_swarm_took_back_is_told(tmp_path: Path) -> None:
    status, _, said = Manager(tmp_path).release("v2", UPDATE="rollback_completed")
    assert status == 1
    assert said.endswith("homeport: notes:v2 did not become healthy, and was taken back (rollback_completed)\n")
    assert "the log of it" in said


def test_a_first_release_is_through_when_all_of_its_containers_are_healthy(tmp_path: Path) -> None:
    assert Manager(tmp_path).release("v1", UPDATE="")[0] == 0
    (tmp_path / "more").mkdir()
    several = Manager(tmp_path / "more", Case({"replicas": 2, "state_volume_megabytes": None}))
    status, _, said = several.release("v1", UPDATE="")
    assert status == 1
    assert said.endswith("homeport: notes:v1 is not healthy in time\n")


def test_a_proxy_whose_ports_another_stack_has_is_told(tmp_path: Path) -> None:
    state = "Pending 1 minute ago no suitable node (host-mode port already in use on 1 node)"
    status, _, said = Manager(tmp_path).release("v1", PROXY=state)
    assert status == 1
    assert said.endswith(
        "homeport: notes:v1 is healthy, but its site is not served: "
        f"notes_proxy does not run ({state}): docker service ps notes_proxy\n"
    )
