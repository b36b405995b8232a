"""`release.sh` runs as it is, with a stand-in for kubectl that remembers what it was told and answers as a cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from homeport.exports.writing import write, write_secrets
from tests.exports.manifests import KUBERNETES, Manifest, documents, files
from tests.exports.release_scripts import Scripted
from tests.exports.subjects import subject
from tests.service.kept_units import PROCESSES, Case
from tests.state.builders import SECRET

# Writes its words, one call a line, and keeps what is applied or created. A Deployment's revision is counted.
STAND_IN = r"""#!/bin/sh
for word; do printf '%s\t' "$word"; done >>"$LOG/calls"
echo >>"$LOG/calls"
selector= file=
for word; do
    case $word in
    --selector=*) selector=${word#*=} ;;
    --filename=*) file=${word#*=} ;;
    esac
done
case "$*" in
"kustomize "*) cat "$LOG/$(basename "$2").yaml" ;;
"api-resources --api-group=cert-manager.io"*) [ -n "${NO_CERT_MANAGER-}" ] || echo certificates.cert-manager.io ;;
"api-resources"*) echo middlewares.traefik.io ;;
"config current-context") echo lab ;;
"get namespace"*) [ -z "${NAMESPACE-}" ] || { echo "$NAMESPACE" >&2; exit 1; } ;;
*" get job "*) cat "$LOG/job" 2>/dev/null || : ;;
"delete --raw"*) cp "$file" "$LOG/deleted"; rm "$LOG/job" ;;
*" create --filename"*) cp "$file" "$LOG/migration"; echo "uid2 ${MIGRATION-SuccessCriteriaMet Complete}" >"$LOG/job" ;;
*" apply "*)
    case $selector in
    *server) [ -n "${UNCHANGED-}" ] || echo 4 >"$LOG/revision" ;;
    esac
    cp "$file" "$LOG/applied"
    ;;
*" get deployment "*) cat "$LOG/revision" 2>/dev/null || : ;;
*" rollout status deployment/${BROKEN-none}") exit 1 ;;
*" get secret registry "*) [ -n "${REGISTRY-}" ] ;;
*" get secret notes-secrets-"*) [ -n "${SECRET_THERE-}" ] ;;
*" get replicasets,"*) printf 'name: notes-secrets-kept\nname: notes-1\n' ;;
*" get configmap "*) printf 'notes-1 notes-2' ;;
*" get secret "*) printf 'notes-secrets-kept notes-secrets-old' ;;
*" get pods "*--output=name) echo pod/notes-new ;;
*" logs "*) echo "the log of $4" ;;
esac
"""


class Cluster(Scripted):
    """The exported folder, and what kubectl was told."""

    def __init__(self, folder: Path, case: Case):
        super().__init__(folder, {"kubectl": STAND_IN})
        given = subject(case)
        write(self.folder, files(case), KUBERNETES.record, force=False)
        self.secrets = write_secrets(self.folder / KUBERNETES.secrets_folder(given), {"TOKEN": SECRET})

    def release(self, *words: str, **variables: str) -> tuple[int, list[str], str]:
        """Return the status, the calls that change or wait for something, and what was said."""
        status, lines, said = self.run(*words, **variables)
        calls = [line.replace("\t", " ").strip() for line in lines]
        verbs = ("apply", "create", "delete", "rollout", "--raw")
        changes = [one.removeprefix("--namespace notes ") for one in calls if any(f"{verb} " in one for verb in verbs)]
        return status, [_short(one) for one in changes if "--raw" in one or " get " not in one], said

    def applied(self) -> list[Manifest]:
        return documents((self.log / "applied").read_text())


def _short(call: str) -> str:
    """Return a call without the names of files and the hash of the secret."""
    words = [word for word in call.split() if not word.startswith(("--filename=", "--from-file="))]
    return " ".join(
        "notes-secrets-HASH" if word.startswith("notes-secrets-") and len(word) == 24 else word for word in words
    )


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    found = Cluster(tmp_path, Case(PROCESSES))
    (found.log / "revision").write_text("3\n")
    (found.log / "job").write_text("uid1 Failed")
    return found


NOT_FOUND = 'Error from server (NotFound): namespaces "notes" not found'
FORBIDDEN = 'Error from server (Forbidden): namespaces "notes" is forbidden'
SETTINGS = "apply --selector=app.kubernetes.io/component=settings"
SERVER = "apply --selector=app.kubernetes.io/component=server"
BESIDE = "apply --selector=app.kubernetes.io/component in (process, timer)"
SECRETS = "create secret generic notes-secrets-HASH"
DELETED = "delete --raw=/apis/batch/v1/namespaces/notes/jobs/notes-migrate"
MIGRATION = "create --selector=app.kubernetes.io/component=migration"


def test_a_release_is_settings_then_the_migration_then_the_server_then_what_runs_beside_it(cluster: Cluster) -> None:
    status, calls, said = cluster.release("v2")
    assert status == 0, said
    assert calls == [
        SETTINGS,
        SECRETS,
        DELETED,
        MIGRATION,
        SERVER,
        "rollout status deployment/notes",
        BESIDE,
        "rollout status deployment/notes-worker",
        "rollout status deployment/notes-mail",
        "delete configmap notes-2",
        "delete secret notes-secrets-old",
    ]
    assert said == "homeport: notes:v2 to the namespace notes of lab\nhomeport: done\n"
    assert '"preconditions":{"uid":"uid1"}' in (cluster.log / "deleted").read_text()


def test_manifests_of_somebodys_own_need_no_line_before_their_first_object(cluster: Cluster) -> None:
    for part in ("settings", "server", "processes"):
        (cluster.folder / "manifests" / f"{part}.yaml").write_text(f"kind: {part}\nspec:\n  image: notes:latest\n")
    assert cluster.release("v2")[0] == 0
    assert [one["kind"] for one in cluster.applied()] == ["settings", "server", "processes"]


def pods_of(manifests: list[Manifest]) -> list[Any]:
    return [one["spec"]["template"]["spec"] for one in manifests if one["kind"] in ("Deployment", "Job")]


def test_every_container_has_the_tag_and_the_secret_that_the_values_name(cluster: Cluster) -> None:
    cluster.release("v2")
    pods = pods_of([*cluster.applied(), *documents((cluster.log / "migration").read_text())])
    assert [pod["containers"][0]["image"] for pod in pods] == ["notes:v2"] * 4
    [first] = {pod["volumes"][-1]["secret"]["secretName"] for pod in pods}
    (cluster.secrets / "TOKEN").chmod(0o600)
    (cluster.secrets / "TOKEN").write_text("another")
    cluster.release("sha256:" + "0" * 64)
    pods = pods_of(cluster.applied())
    assert {pod["containers"][0]["image"] for pod in pods} == {"notes@sha256:" + "0" * 64}
    [second] = {pod["volumes"][-1]["secret"]["secretName"] for pod in pods}
    assert first != second
    assert first.startswith("notes-secrets-")
    told = "".join(path.read_text() for path in cluster.log.iterdir())
    assert SECRET not in told
    assert SECRETS not in cluster.release("v2", SECRET_THERE="yes")[1]


@pytest.mark.parametrize("conditions", ["Failed", "FailureTarget Failed"])
def test_a_migration_that_fails_stops_before_the_server(cluster: Cluster, conditions: str) -> None:
    status, calls, said = cluster.release("v2", MIGRATION=conditions)
    assert (status, calls) == (1, [SETTINGS, SECRETS, DELETED, MIGRATION])
    assert said.splitlines()[-1] == (
        "homeport: the migration failed: nothing was rolled out, and what served before goes on"
    )


@pytest.mark.parametrize("state", ["uid1", "uid1 SuccessCriteriaMet", "uid1 FailureTarget"])
def test_a_migration_that_runs_by_another_release_is_left_alone(cluster: Cluster, state: str) -> None:
    (cluster.log / "job").write_text(state)
    status, calls, said = cluster.release("v2")
    assert (status, calls) == (1, [SETTINGS, SECRETS])
    assert "a migration is running, by another release: kubectl --namespace notes logs" in said


def test_a_first_migration_has_nothing_to_delete_and_the_way_back_has_none(cluster: Cluster) -> None:
    (cluster.log / "job").unlink()
    assert cluster.release("v2")[1][1:4] == [SECRETS, MIGRATION, SERVER]
    status, calls, _ = cluster.release("--no-migration", "v1")
    assert (status, calls[1:3]) == (0, [SECRETS, SERVER])


def test_a_server_that_does_not_become_available_is_taken_back_and_nothing_beside_it_is_changed(
    cluster: Cluster,
) -> None:
    status, calls, said = cluster.release("v2", BROKEN="notes")
    assert (status, calls[-2:]) == (
        1,
        ["rollout status deployment/notes", "rollout undo deployment/notes --to-revision=3"],
    )
    assert BESIDE not in calls
    assert said.splitlines()[-1] == "homeport: notes was taken back to what it was"


@pytest.mark.parametrize("case", ["first", "unchanged"])
def test_what_has_nothing_before_it_or_has_not_changed_is_not_taken_back(cluster: Cluster, case: str) -> None:
    if case == "first":
        (cluster.log / "revision").unlink()
    status, calls, said = cluster.release("v2", BROKEN="notes", **({"UNCHANGED": "yes"} if case == "unchanged" else {}))
    assert (status, calls[-1]) == (1, "rollout status deployment/notes")
    words = {"first": "there is nothing before it to go back to", "unchanged": "notes has not changed, and is not"}
    assert words[case] in said


def test_a_process_that_fails_is_taken_back_too(cluster: Cluster) -> None:
    (cluster.log / "revision").write_text("")
    status, calls, _ = cluster.release("v2", BROKEN="notes-worker", UNCHANGED="yes")
    assert (status, calls[-1]) == (1, "rollout status deployment/notes-worker")


def test_an_overlay_is_filled_in_as_well_and_its_secret_keeps_kustomizes_name(cluster: Cluster) -> None:
    objects = (
        "kind: Deployment\nmetadata: {name: notes}\nspec:\n  image: notes:latest\n  secretName: notes-secrets-abc\n"
    )
    (cluster.log / "mine.yaml").write_text(objects)
    (cluster.log / "migration.yaml").write_text("kind: Job\nspec:\n  image: notes:latest\n")
    (cluster.secrets / "TOKEN").unlink()
    status, calls, said = cluster.release("v3", OVERLAY="overlays/mine")
    assert status == 0, said
    assert SECRETS not in calls
    assert "image: notes:v3\n  secretName: notes-secrets-abc\n" in (cluster.log / "applied").read_text()
    assert "image: notes:v3\n" in (cluster.log / "migration").read_text()
    (cluster.log / "mine.yaml").write_text(objects.replace("notes:latest", "other:latest"))
    status, calls, said = cluster.release("v3", OVERLAY="overlays/mine")
    assert (status, calls) == (2, [])
    assert said == "homeport: no manifest has the image notes:latest, which is where notes:v3 belongs\n"


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        ([], {}, "a tag is missing: sh release.sh TAG"),
        (["a", "b"], {}, "one tag is enough: sh release.sh TAG"),
        (["latest"], {}, "latest may be another image tomorrow: give each image a tag of its own"),
        (["a b"], {}, "a b is not a tag of an image"),
        (["-x"], {}, "-x is not a tag of an image"),
        (["a|b&c"], {}, "a|b&c is not a tag of an image"),
        (
            ["v2"],
            {"NO_CERT_MANAGER": "yes"},
            "the cluster has no cert-manager, which obtains the certificate: install it",
        ),
        (["v2"], {"NAMESPACE": "no route to host"}, "kubectl reaches no cluster: no route to host"),
        (["v2"], {"NAMESPACE": NOT_FOUND}, "there is no namespace notes: kubectl apply -f"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    cluster: Cluster, words: list[str], variables: dict[str, str], said: str
) -> None:
    status, calls, told = cluster.release(*words, **variables)
    assert (status, calls) == (2, [])
    assert told.startswith(f"homeport: {said}")
    assert told.count("\n") == 1


def test_who_may_not_ask_for_namespaces_releases_all_the_same(cluster: Cluster) -> None:
    assert cluster.release("v2", NAMESPACE=FORBIDDEN)[0] == 0


def test_a_missing_secret_is_named_with_the_command_that_writes_it(cluster: Cluster) -> None:
    (cluster.secrets / "TOKEN").unlink()
    status, calls, said = cluster.release("v2")
    assert (status, calls) == (2, [])
    assert "the secret TOKEN is missing: put its value into" in said
    assert "(homeport export kubernetes production --secrets)" in said


def test_the_script_is_clean_for_every_shape(tmp_path: Path) -> None:
    for number, case in enumerate((Case(), Case(PROCESSES), Case({"tls": "acme"}, alembic=False))):
        script = tmp_path / f"{number}.sh"
        script.write_text(files(case)["release.sh"].text)
        shellcheck = str(Path(sys.executable).with_name("shellcheck"))
        done = subprocess.run([shellcheck, "--shell=sh", str(script)], capture_output=True, text=True, check=False)
        assert done.stdout == ""


def test_a_private_registrys_login_is_named_and_has_to_be_there(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, Case({"image_pull_secret": "registry"}))
    status, calls, said = cluster.release("v1")
    assert (status, calls) == (2, [])
    assert "there is no secret registry with the registry's login: kubectl --namespace notes create secret" in said
    assert cluster.release("v1", REGISTRY="yes")[0] == 0
    [account] = [one for one in cluster.applied() if one["kind"] == "ServiceAccount"]
    assert account["imagePullSecrets"] == [{"name": "registry"}]
