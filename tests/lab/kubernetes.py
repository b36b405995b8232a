"""A cluster of Kubernetes 1.20: nodes that are network namespaces on the lab's bridge, each with its own tree of files.

The first one has the control plane. Its programs are those of `kubernetes_programs.py`; a program that ends is started
again. Nothing of the computer's own kernel settings is changed, and all that runs is in the lab's control groups.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from homeport.lab import Lab, bridge, cgroups, names, processes
from tests.lab import kubernetes_programs
from tests.lab.containers import Engine
from tests.lab.project import until

READY_SECONDS = 300
PAUSE = "pause:lab"
SOCKET = "unix:///run/containerd/containerd.sock"
# What the kubelet wants to set for the whole computer: it finds it as it wants it, and so leaves it alone.
KERNEL = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{{name: lab, cluster: {{server: "https://{server}:6443", insecure-skip-tls-verify: true}}}}]
users: [{{name: admin, user: {{token: of-the-lab}}}}]
contexts: [{{name: lab, context: {{cluster: lab, user: admin}}}}]
current-context: lab
"""
CONTAINERD = f"""\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/{PAUSE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
"""
NETWORK = """\
{{"cniVersion": "0.4.0", "name": "lab", "plugins": [
  {{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
    "ipam": {{"type": "host-local", "ranges": [[{{"subnet": "{pods}"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "portmap", "capabilities": {{"portMappings": true}}}}]}}
"""
KUBELET = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {{anonymous: {{enabled: true}}, webhook: {{enabled: false}}}}
authorization: {{mode: AlwaysAllow}}
cgroupDriver: cgroupfs
cgroupRoot: /{group}
oomScoreAdj: 0
failSwapOn: false
evictionHard: {{memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 0%}}
imageGCHighThresholdPercent: 100
maxOpenFiles: 20000
resolvConf: /shared/resolv.conf
readOnlyPort: 0
"""
# Makes the node's tree its root; `keep` is what systemd's `Restart=always` would be.
ENTER = """\
set -eu
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t overlay overlay -o lowerdir={programs}:{image},upperdir={folder}/upper,workdir={folder}/work {folder}/root
cd {folder}/root
for one in dev proc; do mount --rbind /$one $one; done
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mkdir -p shared run/kernel
mount --bind {shared} shared
for one in containerd kubelet etcd state; do
    mkdir -p var/lib/$one {folder}/$one
    mount --bind {folder}/$one var/lib/$one
done
{kernel}
pivot_root . .
umount -l .
exec sh /etc/node.sh
"""
NODE = """\
export HOME=/root
echo 1 >/proc/sys/net/ipv4/ip_forward
ip link set lo up
keep() {{ while :; do "$@" >>/shared/log/{name}-$1 2>&1; sleep 1; done & }}
keep containerd --config /etc/containerd.toml
{control}
until kubectl --kubeconfig /shared/kubeconfig get --raw /readyz >/dev/null 2>&1; do sleep 0.5; done
{controllers}
until ctr version >/dev/null 2>&1; do sleep 0.5; done
for one in /shared/images/*.tar; do ctr --namespace k8s.io images import "$one" >>/shared/log/{name}-images 2>&1; done
keep kubelet --config=/etc/kubelet.yaml --kubeconfig=/shared/kubeconfig --container-runtime=remote \\
    --container-runtime-endpoint={socket} --hostname-override={name} --node-ip={address} --v=2
keep kube-proxy --kubeconfig=/shared/kubeconfig --hostname-override={name} --proxy-mode=iptables \\
    --cluster-cidr=10.244.0.0/16 --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 \\
    --conntrack-tcp-timeout-close-wait=0 --oom-score-adj=0
wait
"""
CONTROL = """\
keep etcd --data-dir /var/lib/etcd --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 \\
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
keep kube-apiserver --etcd-servers=http://127.0.0.1:2379 --advertise-address={address} --secure-port=6443 \\
    --cert-dir=/shared/certificates --service-cluster-ip-range=10.96.0.0/16 --token-auth-file=/shared/tokens \\
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=/shared/accounts.key \\
    --service-account-signing-key-file=/shared/accounts.key --authorization-mode=Node,RBAC \\
    --kubelet-preferred-address-types=InternalIP
"""
CONTROLLERS = """\
keep kube-controller-manager --kubeconfig=/shared/kubeconfig --leader-elect=false \\
    --service-account-private-key-file=/shared/accounts.key --root-ca-file=/shared/certificates/apiserver.crt
keep kube-scheduler --kubeconfig=/shared/kubeconfig --leader-elect=false
"""


@dataclass(frozen=True)
class Node:
    """A node that runs."""

    name: str
    address: str
    process: int

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command in its tree and its network."""
        command = ["nsenter", f"--target={self.process}", "--mount", "--net", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True)


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs; `shared` is the folder that all nodes see at /shared."""

    nodes: tuple[Node, ...]
    shared: Path
    programs: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables by which kubectl, and what calls it, is led here."""
        path = f"{self.programs}:{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "KUBECONFIG": str(self.shared / "kubeconfig"), "NO_PROXY": "*"}

    def kubectl(self, *words: str, given: str = "", check: bool = True) -> str:
        """Run kubectl; return what it said."""
        command = ["kubectl", *words]
        own = dict(self.environment)
        done = subprocess.run(command, env=own, input=given, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout + (done.stderr if done.returncode else "")

    def load(self, engine: Engine, *images: str) -> None:
        """Give each node these images of an engine's."""
        for image in images:
            archive = _save(engine, self.shared, image)
            for node in self.nodes:
                node.run("ctr", "--namespace", "k8s.io", "images", "import", f"/shared/images/{archive.name}")
            archive.unlink()


@contextmanager
def cluster(
    lab: Lab, engine: Engine, folder: Path, hosts: tuple[str, ...], images: tuple[str, ...]
) -> Iterator[Cluster]:
    """Run a cluster with a node for each of these names of the lab; its nodes have these images of the engine's."""
    layers = kubernetes_programs.layers(lab)
    network = lab.context().network
    taken = {one.address for one in lab.directory.load().hosts}
    addresses = [network.free_address(host, taken) for host in hosts]
    shared = _share(folder, addresses[0], network.gateway, layers[1])
    _make_pause(engine, folder, layers[0])
    for one in (PAUSE, *images):
        _save(engine, shared, one)
    with ExitStack() as stack:
        nodes = []
        for number, (host, address) in enumerate(zip(hosts, addresses, strict=True), 1):
            routes = {f"10.244.{to}.0/24": via for to, via in enumerate(addresses, 1) if to != number}
            files = _files(host, address, number, names.control_group(lab.id), first=number == 1)
            nodes.append(stack.enter_context(_node(lab, folder / host, address, files, routes, layers)))
        found = Cluster(tuple(nodes), shared, shared / "bin")
        ready = until(lambda: _ready(found) == len(hosts), READY_SECONDS)
        assert ready, f"{found.kubectl('get', 'nodes', check=False)}: see {shared / 'log'}"
        yield found


def _share(folder: Path, server: str, gateway: str, image: Path) -> Path:
    """Make the folder that all nodes see."""
    shared = folder / "shared"
    for one in ("log", "images", "certificates", "bin"):
        (shared / one).mkdir(parents=True)
    (shared / "bin" / "kubectl").symlink_to(image / "usr" / "bin" / "kubectl")
    (shared / "kubeconfig").write_text(KUBECONFIG.format(server=server))
    (shared / "tokens").write_text('of-the-lab,admin,1,"system:masters"\n')
    (shared / "resolv.conf").write_text(f"nameserver {gateway}\n")
    subprocess.run(["openssl", "genrsa", "-out", shared / "accounts.key", "2048"], check=True, capture_output=True)
    return shared


def _ready(found: Cluster) -> int:
    lines = found.kubectl("get", "nodes", "--no-headers", check=False).splitlines()
    return sum(line.split()[1:2] == ["Ready"] for line in lines)


def _files(host: str, address: str, number: int, group: str, *, first: bool) -> dict[str, str]:
    """Return a node's own files in /etc."""
    control = CONTROL.format(address=address) if first else ""
    node = NODE.format(
        name=host, address=address, socket=SOCKET, control=control, controllers=CONTROLLERS if first else ""
    )
    return {
        "node.sh": node,
        "containerd.toml": CONTAINERD,
        "kubelet.yaml": KUBELET.format(group=f"{group}/{host}"),
        "cni/net.d/10-lab.conflist": NETWORK.format(pods=f"10.244.{number}.0/24"),
    }


@contextmanager
def _node(
    lab: Lab,
    folder: Path,
    address: str,
    files: Mapping[str, str],
    routes: Mapping[str, str],
    layers: tuple[Path, Path],
) -> Iterator[Node]:
    """Run a node, which is called as its folder; it ends with all that it runs."""
    host, network = folder.name, lab.context().network
    for name, text in files.items():
        path = folder / "upper" / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for one in ("work", "root"):
        (folder / one).mkdir()
    namespace = bridge.attach(network, host, network.number(address))
    for pods, via in routes.items():
        subprocess.run(["nsenter", f"--net={namespace}", "ip", "route", "add", pods, "via", via], check=True)
    script = cgroups.enter_script(lab.id, host) + _enter_script(folder, layers)
    command = ["nsenter", f"--net={namespace}", "unshare", "--mount", "--propagation", "slave", "sh", "-c", script]
    process = processes.start(lab.id, host, command, log=folder.parent / "shared" / "log" / f"{host}-node")
    try:
        yield Node(host, address, process)
    finally:
        processes.end(lab.id, host, grace_seconds=0)
        cgroups.kill(lab.id, host)
        bridge.detach(network, host, network.number(address))


def _enter_script(folder: Path, layers: tuple[Path, Path]) -> str:
    kernel = "".join(
        f"echo {value} >run/kernel/{at}\nmount --bind run/kernel/{at} proc/sys/{name}\n"
        for at, (name, value) in enumerate(KERNEL.items())
    )
    programs, image = layers
    places = {"programs": programs, "image": image, "folder": folder, "shared": folder.parent / "shared"}
    return ENTER.format(**{name: shlex.quote(str(path)) for name, path in places.items()}, kernel=kernel)


def _make_pause(engine: Engine, folder: Path, programs: Path) -> None:
    (folder / "pause").mkdir()
    shutil.copy(programs / "usr" / "local" / "bin" / "pause", folder / "pause")
    (folder / "pause" / "Dockerfile").write_text('FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n')
    engine.docker("build", "--tag", PAUSE, str(folder / "pause"))


def _save(engine: Engine, shared: Path, image: str) -> Path:
    archive = shared / "images" / f"{image.replace(':', '-')}.tar"
    engine.docker("save", "--output", str(archive), image)
    return archive
