"""The manifests: valid by the newest schema, closed up, and the same by Kustomize as without it."""

from __future__ import annotations

import copy
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from homeport.exports.writing import write, write_secrets
from tests.exports.manifests import (
    KUBERNETES,
    Manifest,
    documents,
    files,
    kustomized,
    mistakes,
    objects,
    plain,
    pod_of,
    pods,
)
from tests.exports.subjects import CODE, subject
from tests.lab.kubernetes_site import OLDER, older
from tests.service.kept_units import CASES, PROCESSES, Case
from tests.state.builders import SECRET

SCALED: dict[str, Any] = {"replicas": 3, "state_volume_megabytes": None}
PROVIDED = {"tls_certificate_file": "c", "tls_key_file": "k"}
SHAPES: dict[str, Case] = {
    **CASES,
    "scaled": Case({**SCALED, **PROCESSES, "replicas_max": 9, "workers": 2, "cpu_max": 1.5, "tls_profile": "modern"}),
    "other-ingress": Case({"ingress_class": "nginx", "domain_aliases": [], "tls": "files", **PROVIDED}),
    "ranges": Case({"sandbox_network": ["10.0.0.0/8", "2001:db8::1"], "hsts_seconds": 0, "acme_profile": "tlsserver"}),
    "restart": Case({"switch": "restart", "environment": {"A": '"quoted" $x: #', "B": ""}}),
}


def server(case: Case = Case()) -> Manifest:  # noqa: B008
    return objects(case)["Deployment", "notes"]


@pytest.mark.parametrize("case", SHAPES.values(), ids=SHAPES)
def test_every_manifest_is_valid_by_the_newest_schema_and_has_no_secret_in_it(case: Case) -> None:
    found = files(case)
    assert {path: mistakes(one) for path, file in found.items() for one in plain({path: file}) if mistakes(one)} == {}
    assert SECRET not in repr(found)
    assert found == files(case)


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec.update(minReadySecond=5),
        lambda spec: spec["strategy"].update(type=3),
        lambda spec: spec.pop("selector"),
        lambda spec: spec["template"]["spec"]["containers"][0]["readinessProbe"].update(httpPath="/"),
        lambda spec: spec["template"]["spec"]["containers"][0]["resources"].update(limits=[1]),
        lambda spec: spec["template"]["spec"]["securityContext"].update(runAsUser="10001"),
    ],
)
def test_a_broken_manifest_is_found(change: Any) -> None:
    broken = copy.deepcopy(server())
    assert mistakes(broken) == []
    change(broken["spec"])
    assert mistakes(broken)


@pytest.mark.parametrize("case", SHAPES.values(), ids=SHAPES)
def test_every_pod_is_closed_up_as_the_restricted_profile_asks(case: Case) -> None:
    """Pod Security Standards, "Restricted", and no token of the cluster's."""
    found = dict(pods(case))
    assert "Deployment notes" in found
    for pod in found.values():
        context = pod["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"]) == (True, 10001)
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        # As `--init` of Docker: a process that has no handler for SIGTERM ends by it all the same.
        assert pod["shareProcessNamespace"] is True
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all(set(one) - {"name"} <= {"emptyDir", "secret", "persistentVolumeClaim"} for one in pod["volumes"])
        [container] = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}


def test_the_server_is_replaced_without_a_gap_and_told_to_end_when_nobody_sends_it_requests() -> None:
    case = Case({"drain_timeout_seconds": 40, "stop_timeout_seconds": 20, "watch_seconds": 7, "keep_releases": 3})
    spec = server(case)["spec"]
    pod = spec["template"]["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert (spec["minReadySeconds"], spec["revisionHistoryLimit"], spec["replicas"]) == (7, 3, 1)
    assert pod["terminationGracePeriodSeconds"] == 60
    assert pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "10"]
    without = server(Case({"drain_timeout_seconds": 0}))["spec"]["template"]["spec"]["containers"][0]
    assert without["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "0"]
    assert server(Case({"switch": "restart"}))["spec"]["strategy"] == {"type": "Recreate"}


def test_start_and_readiness_ask_for_health_and_liveness_does_not() -> None:
    case = Case({"health_path": "/ready?a=1", "health_successes": 3, "health_timeout_seconds": 45, "before_start": "a"})
    [container] = server(case)["spec"]["template"]["spec"]["containers"]
    startup, readiness, liveness = (container[f"{one}Probe"] for one in ("startup", "readiness", "liveness"))
    # A step before the start may take 300 s, and ten to be killed.
    assert startup["periodSeconds"] * startup["failureThreshold"] == 356
    assert readiness["successThreshold"] == 3
    for probe in (startup, readiness):
        assert (probe["httpGet"]["path"], probe["httpGet"]["port"]) == ("/ready?a=1", "http")
        headers = {one["name"]: one["value"] for one in probe["httpGet"]["httpHeaders"]}
        assert (headers["Host"], headers["X-Forwarded-Proto"]) == ("notes.example.com", "https")
    assert "httpGet" not in liveness
    assert liveness["exec"]["command"][-2:] == ["/app/.homeport/health.py", "alive"]


def test_limits_and_requests_follow_from_workers_weight_and_limits() -> None:
    def resources(**settings: Any) -> Any:
        return server(Case(settings))["spec"]["template"]["spec"]["containers"][0]["resources"]

    assert resources() == {"requests": {"cpu": "100m", "memory": "200Mi"}}
    assert resources(workers=3, worker_memory_megabytes=150, memory_max_megabytes=700, cpu_max=1.5, cpu_weight=300) == {
        "requests": {"cpu": "300m", "memory": "450Mi"},
        "limits": {"cpu": "1500m", "memory": "700Mi"},
    }
    assert resources(workers=9, memory_max_megabytes=512, cpu_max=0.05) == {
        "requests": {"cpu": "50m", "memory": "512Mi"},
        "limits": {"cpu": "50m", "memory": "512Mi"},
    }


def test_one_replica_keeps_its_state_on_a_volume_of_one_node_and_several_have_none() -> None:
    found = objects()
    assert found["PersistentVolumeClaim", "notes-state"]["spec"]["accessModes"] == ["ReadWriteOnce"]
    for _, pod in pods(Case(PROCESSES)):
        [term] = pod["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert term["topologyKey"] == "kubernetes.io/hostname"
        assert {"name": "state", "persistentVolumeClaim": {"claimName": "notes-state"}} in pod["volumes"]
        assert {"name": "state", "mountPath": "/var/lib/notes"} in pod["containers"][0]["volumeMounts"]
    assert ("PodDisruptionBudget", "notes") not in found
    scaled = objects(Case(SCALED))
    assert ("PersistentVolumeClaim", "notes-state") not in scaled
    alone = scaled["Deployment", "notes"]["spec"]["template"]["spec"]
    assert {"name": "state", "emptyDir": {}} in alone["volumes"]
    # A constraint on zones beside it would undo it where nodes have none.
    assert [one["topologyKey"] for one in alone["topologySpreadConstraints"]] == ["kubernetes.io/hostname"]
    assert alone["affinity"].keys() == {"podAntiAffinity"}
    [preferred] = alone["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["podAffinityTerm"]["topologyKey"] == "topology.kubernetes.io/zone"
    assert scaled["PodDisruptionBudget", "notes"]["spec"]["maxUnavailable"] == 1


def test_replicas_are_added_by_use_and_the_deployment_does_not_say_how_many() -> None:
    found = objects(Case({**SCALED, "replicas_max": 9, "workers": 4, "cpu_max": 2}))
    spec = found["HorizontalPodAutoscaler", "notes"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 9)
    assert spec["metrics"][0]["resource"]["target"] == {"type": "AverageValue", "averageValue": "1400m"}
    assert "replicas" not in found["Deployment", "notes"]["spec"]
    assert ("HorizontalPodAutoscaler", "notes") not in objects(Case(SCALED))


def test_only_the_ingress_controller_reaches_the_server_and_nobody_the_others() -> None:
    found = objects(Case({"ingress_namespace": "kube-system"}))
    everything, own = (found["NetworkPolicy", name]["spec"] for name in ("notes", "notes-server"))
    assert everything == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "notes"}},
        "policyTypes": ["Ingress"],
    }
    assert own["ingress"][0]["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    ]
    assert own["ingress"][0]["ports"] == [{"protocol": "TCP", "port": 8000}]
    alone = objects(Case({"sandbox_network": "local"}))["NetworkPolicy", "notes"]["spec"]
    assert (alone["policyTypes"], alone.get("egress")) == (["Ingress", "Egress"], None)
    ranges = objects(SHAPES["ranges"])["NetworkPolicy", "notes"]["spec"]["egress"]
    assert ranges[0]["to"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"ipBlock": {"cidr": "2001:db8::1/128"}}]
    assert {one["port"] for one in ranges[1]["ports"]} == {53}


def test_the_migration_is_a_job_of_its_own_that_is_not_tried_again() -> None:
    found = files(Case({"migrate_timeout_seconds": 100}))
    [job] = plain({"manifests/migration.yaml": found["manifests/migration.yaml"]})
    assert (job["kind"], job["spec"]["backoffLimit"], job["spec"]["activeDeadlineSeconds"]) == ("Job", 0, 410)
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["migrate"]
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert "migration" not in repr(found["base/kustomization.yaml"].text.split("resources")[1])
    config = next(one for one in plain(found) if one["kind"] == "ConfigMap")
    assert config["data"]["HOMEPORT_MIGRATE"] == "no"
    without = files(Case(alembic=False))
    assert not [path for path in without if "migration" in path]
    assert "create --filename" not in without["release.sh"].text


def test_processes_and_timers_are_deployments_and_cron_jobs() -> None:
    found = objects(Case(PROCESSES))
    mail = pod_of(found["Deployment", "notes-mail"])
    digest = found["CronJob", "notes-digest"]["spec"]
    assert mail is not None
    assert (mail["containers"][0]["args"], mail["terminationGracePeriodSeconds"]) == (["process", "mail"], 95)
    assert "readinessProbe" not in mail["containers"][0]
    assert (digest["schedule"], digest["timeZone"], digest["concurrencyPolicy"]) == ("10 3 * * *", "Etc/UTC", "Forbid")
    assert digest["jobTemplate"]["spec"]["activeDeadlineSeconds"] == 370
    names = {
        one["spec"]["selector"]["matchLabels"].get("homeport/process")
        for one in found.values()
        if one["kind"] == "Deployment"
    }
    assert names == {None, "worker", "mail"}


def test_other_variables_are_another_name_and_secrets_are_named_alone() -> None:
    def config(case: Case) -> str:
        [name] = [name for kind, name in objects(case) if kind == "ConfigMap"]
        return name

    assert config(Case()) == config(Case({"cpu_max": 2}))
    changed = Case({"environment": {"MODE": "live"}})
    assert config(Case()) != config(changed)
    pod = pod_of(objects(changed)["Deployment", "notes"])
    assert pod is not None
    assert pod["containers"][0]["envFrom"] == [{"configMapRef": {"name": config(changed)}}]
    assert {"name": "secrets", "secret": {"secretName": "notes-secrets", "defaultMode": 0o440}} in pod["volumes"]
    assert not [one for one in plain(files()) if one["kind"] == "Secret"]
    given = subject()
    given = replace(given, service=replace(given.service, secret_names=()))
    assert "secrets" not in KUBERNETES.files(given)["manifests/server.yaml"].text


@pytest.mark.parametrize("name", ["no", "on", "yes", "null", "true"])
def test_names_that_yaml_takes_for_something_else_are_names(name: str) -> None:
    case = Case({"app_name": name, "processes": {"y": "true"}, "cluster_namespace": "off", "ingress_class": "no"})
    for one in plain(files(case)):
        assert mistakes(one) == []
        assert one["metadata"]["labels"]["app.kubernetes.io/name"] == name


def test_the_site_has_traefiks_limits_redirects_and_a_certificate_of_the_authority() -> None:
    case = Case(
        {
            "proxy_read_timeout_seconds": 90,
            "hsts_preload": True,
            "hsts_subdomains": True,
            "acme_email": "a@example.com",
            "acme_key_curve": "secp384r1",
            "tls_profile": "modern",
            "cluster_namespace": "web",
        }
    )
    found = objects(case)
    middlewares = {name: one["spec"] for (kind, name), one in found.items() if kind == "Middleware"}
    # It would hold back streamed answers.
    assert not [one for one in middlewares.values() if "buffering" in one]
    assert middlewares["notes-headers"]["headers"]["stsSeconds"] == 63072000
    assert middlewares["notes-domain"]["redirectRegex"]["replacement"] == "https://notes.example.com/${1}"
    prefix = "traefik.ingress.kubernetes.io/router"
    site, aliases, http = (
        found["Ingress", name]["metadata"]["annotations"] for name in ("notes", "notes-aliases", "notes-http")
    )
    assert site[f"{prefix}.middlewares"] == "web-notes-headers@kubernetescrd"
    assert site[f"{prefix}.tls.options"] == "web-notes@kubernetescrd"
    assert (aliases[f"{prefix}.middlewares"], aliases[f"{prefix}.entrypoints"]) == (
        "web-notes-domain@kubernetescrd",
        "websecure",
    )
    assert (http[f"{prefix}.middlewares"], http[f"{prefix}.entrypoints"]) == ("web-notes-https@kubernetescrd", "web")
    assert found["TLSOption", "notes"]["spec"] == {"minVersion": "VersionTLS13"}
    assert found["ServersTransport", "notes"]["spec"]["forwardingTimeouts"]["responseHeaderTimeout"] == "90s"
    issuer, certificate = found["Issuer", "notes"]["spec"]["acme"], found["Certificate", "notes"]["spec"]
    assert (issuer["email"], issuer["solvers"]) == (
        "a@example.com",
        [{"http01": {"ingress": {"ingressClassName": "traefik"}}}],
    )
    assert certificate["dnsNames"] == ["notes.example.com", "www.example.com"]
    assert certificate["privateKey"] == {"algorithm": "ECDSA", "size": 384, "rotationPolicy": "Always"}
    assert found["Ingress", "notes"]["spec"]["tls"][0]["secretName"] == certificate["secretName"]


def test_traefik_answers_over_https_also_where_its_entry_point_has_no_tls_of_its_own() -> None:
    says = {name: one["metadata"]["annotations"] for (kind, name), one in objects().items() if kind == "Ingress"}
    tls = {name: one.get("traefik.ingress.kubernetes.io/router.tls") for name, one in says.items()}
    assert tls == {"notes": "true", "notes-aliases": "true", "notes-http": None}


def test_a_provided_certificate_and_another_ingress_class_need_nothing_of_others() -> None:
    found = objects(SHAPES["other-ingress"])
    kinds = {one["apiVersion"].split("/")[0] for one in found.values()}
    assert not kinds & {"cert-manager.io", "traefik.io"}
    assert found["Ingress", "notes"]["spec"]["tls"] == [{"hosts": ["notes.example.com"], "secretName": "notes-tls"}]
    steps = KUBERNETES.next_steps(subject(SHAPES["other-ingress"]))
    assert "kubectl --namespace notes create secret tls notes-tls --cert=CERTIFICATE --key=KEY" in steps


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        ({}, []),
        ({**SCALED, "environment": {"DATABASE_URL": "postgresql+asyncpg://db/notes"}}, []),
        ({"replicas": 2}, ["replicas"]),
        ({"replicas_max": 2}, ["replicas_max"]),
        ({**SCALED, "environment": {"DATABASE_URL": "sqlite+aiosqlite:////var/lib/notes/a.db"}}, ["replicas"]),
        ({"environment": {"DATABASE_URL": "sqlite:////var/lib/notes/a.db"}}, []),
        ({"health_status": 401}, ["health_status"]),
        ({"health_status": 204}, []),
        ({"timers": {"a": {"command": "true", "schedule": "*:*:0/10"}}}, ["timers"]),
        ({"environment": {"A": "1\n2"}}, ["environment"]),
        ({"ingress_class": "nginx"}, ["domain_aliases"]),
        (
            {"ingress_class": "nginx", "domain_aliases": [], "hsts_seconds": 60},
            ["hsts_seconds"],
        ),
        ({"ingress_class": "nginx", "domain_aliases": []}, []),
    ],
)
def test_what_a_cluster_cannot_keep_is_named(settings: dict[str, Any], keys: list[str]) -> None:
    assert [key for key, _, _ in KUBERNETES.problems(subject(Case(settings)))] == keys


def test_a_sqlite_database_of_alembics_own_file_is_refused_with_replicas() -> None:
    given = subject(Case(SCALED), code=replace(CODE, database="sqlite:///notes.db"))
    assert [problem for _, problem, _ in KUBERNETES.problems(given)] == [
        "alembic.ini names a SQLite database, which is a file of one replica"
    ]


def test_a_name_too_long_for_a_cron_job_is_refused() -> None:
    long = {"app_name": "a" * 31, "timers": {"b" * 30: {"command": "true", "schedule": "daily"}}}
    [(key, problem, _)] = KUBERNETES.problems(subject(Case(long)))
    assert (key, "longer than a CronJob's name may be (52 characters)" in problem) == ("timers", True)


def test_what_is_not_as_on_machines_is_told() -> None:
    said = list(KUBERNETES.warnings(subject()))
    assert [line.split(":")[0] for line in said] == ["memory_max_megabytes", "replicas"]
    [line] = KUBERNETES.warnings(subject(Case({**SCALED, "memory_max_megabytes": 512})))
    assert "no SQLite" in line


def named(manifests: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    """Return objects without what Kustomize names by its own hash, and adds: the namespace."""
    text = {}
    for one in manifests:
        one["metadata"].pop("namespace", None)
        if one["kind"] in ("ConfigMap", "Secret"):
            one["metadata"]["name"] = one["metadata"]["name"].rsplit("-", 1)[0]
        if (pod := pod_of(one)) is not None:
            reference = pod["containers"][0]["envFrom"][0]["configMapRef"]
            reference["name"] = reference["name"].rsplit("-", 1)[0]
            for volume in pod["volumes"]:
                if "secret" in volume:
                    volume["secret"]["secretName"] = "notes-secrets"
        text[one["kind"], one["metadata"]["name"]] = one
    return text


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl, which has Kustomize in it, is not here")
@pytest.mark.parametrize("name", ["processes", "scaled", "restart", "without-migration", "ranges"])
def test_kustomize_makes_the_same_objects_with_names_of_its_own(name: str, tmp_path: Path) -> None:
    case = SHAPES[name]
    found = files(case)
    write(tmp_path, found, KUBERNETES.record, force=False)
    write_secrets(tmp_path / KUBERNETES.secrets_folder(subject(case)), {"TOKEN": SECRET})
    overlay = tmp_path / "overlays" / "production"
    built = kustomized(overlay)
    assert {one["metadata"].get("namespace") for one in built} == {"notes"}
    assert not [one for one in built if mistakes(one)]
    secret = next(one for one in built if one["kind"] == "Secret")
    # By this label release.sh applies it first.
    assert secret["metadata"]["labels"]["app.kubernetes.io/component"] == "settings"
    server = next(one for one in built if one["kind"] == "Deployment" and one["metadata"]["name"] == "notes")
    volumes = server["spec"]["template"]["spec"]["volumes"]
    assert volumes[-1]["secret"]["secretName"] == secret["metadata"]["name"] != "notes-secrets"
    if (overlay / "migration").exists():
        built += [one for one in kustomized(overlay / "migration") if one["kind"] == "Job"]
    both = named(built)
    assert both.pop(("Secret", "notes-secrets"))["data"].keys() == {"TOKEN"}
    assert both == named(plain(found))


def test_the_lines_that_the_labs_older_cluster_lacks_are_those_of_the_manifests() -> None:
    case = Case({**SCALED, **PROCESSES, "replicas_max": 9})
    text = "".join(file.text for path, file in files(case).items() if path.startswith("manifests/"))
    assert [pattern for pattern, _ in OLDER if not re.search(pattern, text)] == []
    assert [one["apiVersion"] for one in documents(older(text)) if one["kind"] == "CronJob"] == ["batch/v1beta1"]
