"""`homeport export kubernetes` on a cluster of two nodes, behind Traefik: releases under load, and what goes wrong.

'make test-all' alone runs this, since it builds Kubernetes. The tests go on from one another, in the order in which
they stand.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping

import pytest

from homeport.lab import Lab
from tests import tiers
from tests.lab.artefacts import keep
from tests.lab.clients import KeptConnection, NewConnection
from tests.lab.containers import Engine, engine
from tests.lab.exported import HEALTHY_SECONDS, SENTINEL, Exported, build_proxy, make_base
from tests.lab.kubernetes import Cluster, cluster
from tests.lab.kubernetes_site import INGRESS_CLASS, NODES, TRAEFIK, TRAEFIK_IMAGE, Site, install, placed
from tests.lab.load import FIVE_SECONDS, KEEP_ALIVE_GET, KEEP_ALIVE_POST, NEW_CONNECTION, Kind, Report, load
from tests.lab.project import until
from tests.lab.test_export_compose import FAILING

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not tiers.EVERYTHING, reason="builds Kubernetes: 'make test-all'"),
    pytest.mark.timeout(2 * 3600),
]
# A name that the lab's name server knows, and that no machine of the tests has.
ENGINE = "web192"
DOMAIN, SPREAD = "web193.lab.test", "spread.lab.test"
PROVIDED = {"tls": "files", "tls_certificate_file": "chain.pem", "tls_key_file": "key.pem"}
SMALL = {"python_version": "3.11", "workers": 1, "ingress_class": INGRESS_CLASS, **PROVIDED}
KINDS = {
    KEEP_ALIVE_GET: Kind(2, 0.05, lambda target: KeptConnection(target, "GET", "/health")),
    NEW_CONNECTION: Kind(1, 0.2, lambda target: NewConnection(target, "GET", "/health")),
}
WITH_NOTES = {
    **KINDS,
    KEEP_ALIVE_POST: Kind(1, 0.1, lambda target: KeptConnection(target, "POST", "/notes")),
    FIVE_SECONDS: Kind(1, 5.1, lambda target: KeptConnection(target, "GET", "/slow?seconds=5")),
}
DRAINS = ("--ignore-daemonsets", "--delete-emptydir-data", "--pod-selector=app.kubernetes.io/name=hello")
# All that the user of the container may kill there: the server, and not the process that asks for it.
KILL = "import os, signal; os.kill(-1, signal.SIGKILL)"


@pytest.fixture(scope="module")
def docker(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("docker")
    with engine(lab, folder, ENGINE) as found:
        make_base(found, lab)
        build_proxy(found, folder, TRAEFIK_IMAGE, TRAEFIK)
        yield found


@pytest.fixture(scope="module")
def kubernetes(lab: Lab, docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("kubernetes")
    with cluster(lab, docker, folder, NODES, (TRAEFIK_IMAGE,)) as found:
        install(found)
        try:
            yield found
        finally:
            for one in sorted((found.shared / "log").iterdir()):
                keep(f"kubernetes-{one.name}.txt", one.read_text(errors="replace")[-2_000_000:])


@pytest.fixture(scope="module")
def site(lab: Lab, kubernetes: Cluster, docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("project")
    exported = Exported.create(folder / "project", lab, docker)
    exported.settings(
        **{**SMALL, "secrets_file": "app/production.env", "memory_max_megabytes": 256},
        **{"domain": DOMAIN, "processes": {"ticker": "sleep inf"}},
        timers={"nightly": {"command": "true", "schedule": "*-*-* 03:10:00"}},
    )
    return placed(exported, kubernetes, folder, DOMAIN)


@pytest.fixture(scope="module")
def spread(lab: Lab, kubernetes: Cluster, docker: Engine, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An application of two replicas, which has no state."""
    folder = tmp_path_factory.mktemp("spread")
    exported = Exported.create(folder / "project", lab, docker, "hello")
    exported.settings(
        **{**SMALL, "domain": SPREAD, "replicas": 2, "replicas_max": 3, "state_volume_megabytes": None},
    )
    return placed(exported, kubernetes, folder, SPREAD)


def lost(report: Report) -> str:
    """Return what was lost, "" for nothing; nothing that was asked is no proof."""
    assert sum(report.answered.values()) > 50, str(report)
    print(report)
    return str(report) if report.lost else ""


def begun(report: Report) -> bool:
    return until(lambda: sum(report.answered.values()) > 50)


def test_a_first_release_answers_over_https_after_one_migration(site: Site) -> None:
    done = site.release("one")
    assert done.returncode == 0, done.stdout + site.why()
    assert until(lambda: site.serves("one"), HEALTHY_SECONDS), site.why()
    jobs = site.kubectl("get", "jobs", "--output=jsonpath={.items[*].status.succeeded}")
    assert jobs == "1"
    assert site.python("print(open('/run/secrets/TOKEN').read())") == SENTINEL
    assert SENTINEL not in site.kubectl("get", "deployments,replicasets,configmaps,pods", "--output=yaml")
    assert site.kubectl("get", "deployment", "notes-ticker", "--output=jsonpath={.status.availableReplicas}") == "1"
    schedule = "--output=jsonpath={.spec.schedule}"
    assert site.kubectl("get", "cronjob", "notes-nightly", schedule) == "10 3 * * *"


def test_a_forged_address_is_not_passed_on(site: Site) -> None:
    seen = site.curl("--header", "X-Forwarded-For: 192.0.2.66", f"https://{DOMAIN}/whoami")
    assert "192.0.2.66" not in seen
    assert '"scheme":"https"' in seen


def test_a_timer_runs_its_command_when_it_is_asked_to(site: Site) -> None:
    site.kubectl("create", "job", "--from=cronjob/notes-nightly", "now")
    ended = "--output=jsonpath={.status.succeeded}{.status.failed}"
    assert until(lambda: site.kubectl("get", "job", "now", ended) != "", HEALTHY_SECONDS), site.why()
    assert site.kubectl("get", "job", "now", "--output=jsonpath={.status.succeeded}") == "1"


def second_release(site: Site, kinds: Mapping[str, Kind]) -> Report:
    """Change the code and release it under load; no request is lost."""
    site.exported.project.write("extra.py", "ADDED = True\n")
    site.build("two")
    with load(site.target, kinds) as report:
        assert begun(report)
        done = site.release("two")
        assert until(lambda: report.served(NEW_CONNECTION)[-1] == "two")
    assert done.returncode == 0, done.stdout + site.why()
    assert not lost(report)
    return report


def test_a_release_under_load_loses_no_request_and_keeps_the_state(site: Site) -> None:
    note = ("--header", "Content-Type: application/json", "--data", '{"text": "kept note"}')
    kept = json.loads(site.curl(*note, f"https://{DOMAIN}/notes"))
    report = second_release(site, WITH_NOTES)
    assert (report.served(KEEP_ALIVE_GET)[0], report.served(KEEP_ALIVE_GET)[-1]) == ("one", "two")
    assert "kept note" in site.curl(f"https://{DOMAIN}/notes/{kept['id']}")


def test_a_release_that_does_not_start_is_taken_back_and_loses_no_request(site: Site) -> None:
    main = site.exported.project.app / "main.py"
    before = main.read_text()
    site.exported.project.write("main.py", f"{before}\nraise RuntimeError('it does not start')\n")
    site.build("broken")
    with load(site.target, WITH_NOTES) as report:
        assert begun(report)
        done = site.release("broken")
    site.exported.project.write("main.py", before)
    assert done.returncode == 1, done.stdout
    assert "it does not start" in done.stdout
    assert done.stdout.splitlines()[-1] == "homeport: notes was taken back to what it was"
    assert not lost(report)
    assert report.served(KEEP_ALIVE_GET) == ["two"]
    servers = ("get", "pods", "--selector=app.kubernetes.io/component=server", "--output=yaml")
    assert until(lambda: "notes:broken" not in site.kubectl(*servers), HEALTHY_SECONDS)


def test_a_migration_that_fails_stops_the_release(site: Site) -> None:
    migration = "migrations/versions/0003_fails.py"
    site.exported.project.write(migration, FAILING)
    site.build("three")
    (site.exported.project.app / migration).unlink()
    with load(site.target, WITH_NOTES) as report:
        assert begun(report)
        done = site.release("three")
    assert done.returncode == 1, done.stdout
    assert "this migration fails" in done.stdout
    assert "nothing was rolled out" in done.stdout
    assert not lost(report)
    assert report.served(KEEP_ALIVE_GET) == ["two"]


def test_another_value_of_a_secret_is_a_roll_out_without_loss(site: Site) -> None:
    [secret] = site.folder.glob("overlays/*/settings/secrets/TOKEN")
    secret.chmod(0o600)
    secret.write_text("another")
    before = site.pod()
    with load(site.target, WITH_NOTES) as report:
        assert begun(report)
        done = site.release("two")
    assert done.returncode == 0, done.stdout + site.why()
    assert not lost(report)
    assert site.pod() != before
    assert site.python("print(open('/run/secrets/TOKEN').read())") == "another"


def test_an_older_image_is_the_way_back(site: Site) -> None:
    with load(site.target, WITH_NOTES) as report:
        assert begun(report)
        done = site.release("--no-migration", "one")
        assert until(lambda: report.served(NEW_CONNECTION)[-1] == "one")
    assert done.returncode == 0, done.stdout + site.why()
    assert not lost(report)
    assert (report.served(NEW_CONNECTION)[0], report.served(NEW_CONNECTION)[-1]) == ("two", "one")


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="1.20's kubectl has a Kustomize that is too old")
def test_a_release_from_the_overlay_is_the_same_by_kustomize(site: Site) -> None:
    with load(site.target, WITH_NOTES) as report:
        assert begun(report)
        done = site.release("two", PATH=os.environ["PATH"], OVERLAY="overlays/production")
        assert until(lambda: report.served(NEW_CONNECTION)[-1] == "two")
    assert done.returncode == 0, done.stdout + site.why()
    assert not lost(report)
    assert site.python("print(open('/run/secrets/TOKEN').read())") == "another"


def restarts(site: Site, pod: str) -> int:
    return int(site.kubectl("get", "pod", pod, "--output=jsonpath={.status.containerStatuses[0].restartCount}"))


def test_a_server_that_is_killed_is_started_again(site: Site) -> None:
    pod = site.pod()
    site.python(KILL, check=False)
    began = time.monotonic()
    assert until(lambda: restarts(site, pod) == 1, HEALTHY_SECONDS), site.why()
    assert until(lambda: site.is_healthy(), HEALTHY_SECONDS), site.why()
    print(f"a killed server answers again after {time.monotonic() - began:.1f} s")
    assert site.pod() == pod


def test_what_takes_more_memory_than_the_limit_is_killed(site: Site) -> None:
    assert site.python("print(len(b'x' * (100 << 20)))") == str(100 << 20)
    said = site.python("print(len(b'x' * (400 << 20)))", check=False)
    assert str(400 << 20) not in said
    assert "137" in said
    assert until(lambda: site.is_healthy(), HEALTHY_SECONDS), site.why()


def placed_on(site: Site) -> list[str]:
    """Return the nodes of the pods that are ready."""
    pods = json.loads(site.kubectl("get", "pods", "--output=json"))["items"]
    ready = [
        one
        for one in pods
        if "deletionTimestamp" not in one["metadata"]
        and any(at["type"] == "Ready" and at["status"] == "True" for at in one["status"].get("conditions", []))
    ]
    return sorted(str(one["spec"]["nodeName"]) for one in ready)


def test_replicas_are_on_both_nodes_and_a_release_of_them_loses_no_request(spread: Site) -> None:
    done = spread.release("one")
    assert done.returncode == 0, done.stdout + spread.why()
    assert until(lambda: placed_on(spread) == list(NODES), HEALTHY_SECONDS), spread.why()
    assert until(lambda: spread.serves("one"), HEALTHY_SECONDS), spread.why()
    second_release(spread, KINDS)


def test_a_drained_node_loses_no_request(spread: Site) -> None:
    *_, drained = placed_on(spread)
    [other] = set(NODES) - {drained}
    began = time.monotonic()
    with load(spread.target, KINDS) as report:
        assert begun(report)
        spread.cluster.kubectl("drain", drained, *DRAINS)
        print(f"{drained} was drained after {time.monotonic() - began:.0f} s")
        assert until(lambda: placed_on(spread) == [other] * 2, HEALTHY_SECONDS), spread.why()
    assert not lost(report)


def test_the_last_replica_is_not_drained_while_nobody_takes_another(spread: Site) -> None:
    """The first node is still closed, so what is evicted from the second one has no place."""
    [node, _] = placed_on(spread)
    [other] = set(NODES) - {node}
    said = spread.cluster.kubectl("drain", node, *DRAINS, "--timeout=60s", check=False)
    assert "disruption budget" in said
    assert placed_on(spread) == [node]
    assert spread.is_healthy()
    spread.cluster.kubectl("uncordon", other)
    assert until(lambda: placed_on(spread) == list(NODES), HEALTHY_SECONDS), spread.why()
    spread.cluster.kubectl("uncordon", node)
