"""The components of the embedded cluster as command lines and configuration files, with why each setting is there.

Knows the flags of pinned versions; starts nothing.
"""

import json
import pathlib
from collections.abc import Mapping

from dev import binaries, contour, layout, pki

CONTROL_PLANE_USERS = {
    "admin": ("admin", "system:masters"),
    "controller-manager": (
        "system:kube-controller-manager",
        "system:masters",
    ),  # else a token per controller, seconds at start
    "scheduler": ("system:kube-scheduler", ""),
    "kubelet": (f"system:node:{layout.NODE}", "system:nodes"),
    "kube-proxy": ("system:kube-proxy", ""),
}


def etcd(data: pathlib.Path, client: str, peer: str) -> list[str]:
    """Return etcd's command: in memory, since a cluster for trying out keeps nothing."""
    return [
        binaries.find("etcd"), f"--data-dir={data}", "--unsafe-no-fsync", "--log-level=error", "--quota-backend-bytes=2147483648",
        f"--listen-client-urls={client}", f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
    ]  # fmt: skip


def api_server(keys: pathlib.Path, etcd_url: str, address: str, port: int, extra: tuple[str, ...] = ()) -> list[str]:
    """Return kube-apiserver's command; it reaches the kubelet by address, since the node's name resolves nowhere."""
    return [
        binaries.find("kube-apiserver"), f"--etcd-servers={etcd_url}", f"--advertise-address={address}",
        f"--bind-address={address}", f"--secure-port={port}", f"--service-cluster-ip-range={layout.SERVICE_NETWORK}",
        "--authorization-mode=Node,RBAC", f"--client-ca-file={keys}/ca.crt",
        f"--tls-cert-file={keys}/apiserver.crt", f"--tls-private-key-file={keys}/apiserver.key",
        f"--kubelet-client-certificate={keys}/admin.crt", f"--kubelet-client-key={keys}/admin.key",
        "--kubelet-preferred-address-types=InternalIP", "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={keys}/service-accounts.key",
        f"--service-account-signing-key-file={keys}/service-accounts.key",
        "--enable-admission-plugins=NodeRestriction", "--allow-privileged", "--enable-priority-and-fairness=false", *extra,
    ]  # fmt: skip


def controller_manager(keys: pathlib.Path, kubeconfig: pathlib.Path) -> list[str]:
    """Return kube-controller-manager's command, with garbage collection quick enough to watch."""
    return [
        binaries.find("kube-controller-manager"), f"--kubeconfig={kubeconfig}", "--leader-elect=false",
        "--kube-api-qps=500", "--kube-api-burst=1000", f"--root-ca-file={keys}/ca.crt",
        f"--service-account-private-key-file={keys}/service-accounts.key",
        f"--cluster-signing-cert-file={keys}/ca.crt", f"--cluster-signing-key-file={keys}/ca.key", "--bind-address=127.0.0.1",
        f"--cluster-cidr={layout.POD_NETWORK}", "--allocate-node-cidrs=false",
    ]  # fmt: skip


def commands(run: pathlib.Path, data: pathlib.Path, audit: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Return each component's command by name, in the order in which they are started."""
    keys, admin = layout.PKI, layout.KUBECONFIG
    etcd_url = "http://127.0.0.1:2379"
    without = ["--disable-feature=extensionservices", "--disable-feature=tlsroutes", "--disable-feature=grpcroutes",
               "--disable-feature=tcproutes", "--disable-feature=backendtlspolicies"]  # fmt: skip
    return {
        "etcd": etcd(data / "etcd", etcd_url, "http://127.0.0.1:2380"),
        "containerd": [binaries.find("containerd"), "--config", str(run / "containerd.toml")],
        "kube-apiserver": api_server(keys, etcd_url, layout.NODE_ADDRESS, layout.API_PORT, audit),
        "kube-controller-manager": controller_manager(keys, layout.kubeconfig("controller-manager")),
        "kube-scheduler": [
            binaries.find("kube-scheduler"), f"--kubeconfig={layout.kubeconfig('scheduler')}", "--leader-elect=false",
            "--bind-address=127.0.0.1",
        ],
        "kubelet": [
            binaries.find("kubelet"), f"--config={run}/kubelet.json", f"--kubeconfig={layout.kubeconfig('kubelet')}",
            f"--hostname-override={layout.NODE}", f"--node-ip={layout.NODE_ADDRESS}", f"--root-dir={data}/kubelet",
        ],
        "kube-proxy": [
            binaries.find("kube-proxy"), f"--kubeconfig={layout.kubeconfig('kube-proxy')}", "--proxy-mode=iptables",
            f"--cluster-cidr={layout.POD_NETWORK}", f"--hostname-override={layout.NODE}", "--conntrack-max-per-core=0",
        ],
        "coredns": [binaries.find("coredns"), "-conf", str(run / "Corefile")],
        "contour": [
            binaries.find("contour"), "serve", f"--kubeconfig={admin}", "--no-incluster", "--insecure", "--xds-address=127.0.0.1",
            f"--config-path={run}/contour.yaml", f"--envoy-service-http-address={layout.NODE_ADDRESS}",
            f"--envoy-service-https-address={layout.NODE_ADDRESS}",
            f"--ingress-status-address={layout.NODE_ADDRESS}", "--disable-leader-election", *without,
        ],
        "envoy": [binaries.envoy(), "-c", str(run / "envoy.json"), "--log-level", "warning", "--disable-hot-restart",
                  "--service-node", "edge", "--service-cluster", "edge"],
    }  # fmt: skip


def files(run: pathlib.Path, store: pathlib.Path, data: pathlib.Path, pause: str) -> Mapping[pathlib.Path, str]:
    """Return the content of each configuration file by its path."""
    return {
        run / "containerd.toml": _containerd(run, store, data, pause),
        run / "kubelet.json": json.dumps(_kubelet(run)),
        run / "cni/10-pods.conflist": json.dumps(_network()),
        run / "Corefile": _name_server(),
        run / "resolv.conf": "",
        run / "contour.yaml": json.dumps(contour.CONFIGURATION),
    }


def keys(directory: pathlib.Path, address: str) -> pki.Authority:
    """Issue the certificates of all components; return their authority."""
    authority = pki.authority(directory)
    first = layout.SERVICE_NETWORK.replace("0.0/16", "0.1")
    hosts = (address, first, "127.0.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    pki.issue(authority, directory, "apiserver", user="kube-apiserver", hosts=hosts)
    pki.issue(authority, directory, "service-accounts", user="service-accounts")
    for name, (user, group) in CONTROL_PLANE_USERS.items():
        pki.issue(authority, directory, name, user=user, group=group)
    return authority


def kubeconfig(directory: pathlib.Path, name: str, server: str) -> str:
    """Return the kubeconfig of the user whose certificate is `name`; JSON is YAML."""
    user = {"client-certificate": f"{directory}/{name}.crt", "client-key": f"{directory}/{name}.key"}
    return json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "vllm-operator",
        "clusters": [{"name": "vllm-operator", "cluster": {"server": server, "certificate-authority": f"{directory}/ca.crt"}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "vllm-operator", "context": {"cluster": "vllm-operator", "user": name}}],
    }, indent=1)  # fmt: skip


def _containerd(run: pathlib.Path, store: pathlib.Path, data: pathlib.Path, pause: str) -> str:
    """Without the capability to lower an oom score every sandbox would fail, hence restrict_oom_score_adj."""
    return f"""version = 3
root = "{store}"
state = "{data}/containerd"
[grpc]
  address = "{run}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{data}/opt"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "{binaries.find("runc")}"
      Root = "{data}/runc"
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["{binaries.directory("cni")}"]
    conf_dir = "{run}/cni"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{pause}"
"""


def _kubelet(run: pathlib.Path) -> dict[str, object]:
    """Images are never collected: the collector counts reserved disk space as used and would remove ours."""
    return {
        "kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "containerRuntimeEndpoint": f"unix://{run}/containerd.sock",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                           "x509": {"clientCAFile": f"{layout.PKI}/ca.crt"}},
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs", "cgroupRoot": f"/{layout.CGROUP}", "failCgroupV1": False, "failSwapOn": False,
        "clusterDNS": [layout.NODE_ADDRESS], "clusterDomain": "cluster.local", "resolvConf": f"{run}/resolv.conf",
        "podLogsDir": "/var/log/pods", "volumePluginDir": "/run/vllm-operator/volume-plugins",
        "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99, "serializeImagePulls": False,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "nodeStatusUpdateFrequency": "5s", "syncFrequency": "10s", "address": layout.NODE_ADDRESS,
        "healthzBindAddress": "127.0.0.1", "kubeAPIQPS": 500, "kubeAPIBurst": 1000,
    }  # fmt: skip


def _network() -> dict[str, object]:
    """A link of its own per pod: with a bridge, answers of a Service could pass by kube-proxy's rules unseen."""
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": layout.POD_NETWORK}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/cni",
    }
    return {
        "cniVersion": "1.0.0", "name": "pods",
        "plugins": [{"type": "ptp", "ipam": ipam}, {"type": "portmap", "capabilities": {"portMappings": True}}],
    }  # fmt: skip


def _name_server() -> str:
    """The world outside has no names here: no pod needs one, and an answer at once is better than a time-out."""
    return f"""cluster.local in-addr.arpa ip6.arpa {{
  bind {layout.NODE_ADDRESS}
  errors
  kubernetes {{
    kubeconfig {layout.KUBECONFIG} vllm-operator
    pods insecure
    ttl 1
  }}
}}
. {{
  bind {layout.NODE_ADDRESS}
  template ANY ANY {{
    rcode NXDOMAIN
  }}
}}
"""
