"""What those try who may write ModelDeployments in a namespace of their own, or have taken the operator's account over."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

from dev import binaries, demo
from tests import audit, kubectl
from tests.attack import attack, site
from tests.integration import shape_cases

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACE, TENANT = "tenant", "mallory"
OPERATOR = audit.account(demo.OPERATOR_NAMESPACE, "vllm-operator")
PLAIN = "a model with none of these"
DRY = ("create", "--dry-run=server", "--validate=ignore", "-f", "-")
HOST = {"host": "a.example", "ingress": {"className": "contour"}}
SPECS: dict[str, dict[str, Any]] = {
    "an option that imports code": {"engine": {"args": ["--middleware=os.system"]}},
    "an option that opens a port": {"engine": {"args": ["--master-addr=10.0.0.1"]}},
    "an option of the operator's": {"engine": {"args": ["--host=0.0.0.0"]}},
    "remote code": {"engine": {"trustRemoteCode": True}},
    "remote code by an option": {"engine": {"args": ["--trust-remote-code"]}},
    "warnings that import": {"engine": {"env": [{"name": "PYTHONWARNINGS", "value": "all:0:antigravity.x:0:0"}]}},
    "a browser that is a shell": {"engine": {"env": [{"name": "BROWSER", "value": "/bin/sh -c 'id; echo' %s"}]}},
    "another PATH": {"engine": {"env": [{"name": "PATH", "value": "/models"}]}},
    "an option put together by $(NAME)": {
        "engine": {"env": [{"name": "A", "value": "parser_plu"}], "args": ["--reasoning_$(A)gin=/models/x.py"]}
    },
    "a processor time of 1e800000": {"resources": {"limits": {"cpu": "1e800000"}}},
    "a memory of 1e999980": {"resources": {"limits": {"memory": "1e999980"}}},
    "an image of '..'": {"engine": {"image": "registry.example.com/team/../evil:1"}},
    "an image with '//'": {"engine": {"image": "registry.example.com//evil:1"}},
    "a source that is no directory": {"model": {"source": "file:///models/../proc/self/environ"}},
    "another's guard": {"imagePullSecrets": [{"name": "vllm11.guard"}]},
    "another client's key": {"access": {"clients": [{"name": "a", "keySecretRef": {"name": "vllm11.key.default"}}]}},
    "another model's weights": {"model": {"source": "pvc://vllm11.weights/a"}},
    "an account": {"serviceAccountName": "admin"},
    "a label of somebody's": {"podMetadata": {"labels": {"app": "theirs"}}},
    "an annotation of the edge": {
        "expose": {**HOST, "ingress": {"annotations": {"nginx.ingress.kubernetes.io/server-snippet": "return 200;"}}}
    },
    "an issuer of the cluster's": {
        "expose": {**HOST, "ingress": {"tls": {"issuerRef": {"name": "acme", "kind": "ClusterIssuer"}}}}
    },
    "a priority of the system": {"scheduling": {"priorityClassName": "system-node-critical"}},
    "more clients than there may be": {"access": {"clients": [{"name": f"c{number}"} for number in range(129)]}},
}
OTHERS = (
    ("get", "secrets", "-n", demo.NAMESPACE),
    ("get", "secrets", "-n", demo.OPERATOR_NAMESPACE),
    ("get", "secrets", "-A"),
    ("get", "vllm", "-n", demo.NAMESPACE),
    ("logs", f"deployment/{site.MODEL}", "-c", "guard", "-n", demo.NAMESPACE),
    ("exec", f"deployment/{site.MODEL}", "-n", demo.NAMESPACE, "--", "true"),
    ("patch", "vllm", site.MODEL, "-n", demo.NAMESPACE, "--type=merge", "-p", '{"spec": {"replicas": 0}}'),
    ("delete", "secret", f"{site.MODEL}.key.default", "-n", demo.NAMESPACE, "--dry-run=server"),
    ("create", "token", "vllm-operator", "-n", demo.OPERATOR_NAMESPACE),
    ("get", "validatingadmissionpolicies"),
)


def hostile_specs(where: site.Site) -> attack.Seen:
    """Create models that take what a namespace's user may not have, none of which is kept."""
    bodies = [kubectl.model(f"spec-{at}", **spec) for at, spec in enumerate(({}, *SPECS.values()))]
    with tenant(where):
        begun = time.monotonic()
        done = _as(where, TENANT, *DRY, stdin=_listed(bodies))
        seconds = time.monotonic() - begun
    let_in = [name for at, name in enumerate((PLAIN, *SPECS)) if f"/spec-{at} created" in done.stdout]
    refused = f"{len(bodies) - len(let_in)} of {len(SPECS)} refused, all within {seconds:.1f} s"
    return attack.Seen(let_in == [PLAIN], f"{refused}; let in: {', '.join(let_in)}")


def other_namespaces(where: site.Site) -> attack.Seen:
    """Read and change what lies in others' namespaces."""
    with tenant(where):
        let_in = [" ".join(command[:2]) for command in OTHERS if _as(where, TENANT, *command).returncode == 0]
        has_own = _as(where, TENANT, "get", "secrets", "-n", PLACE).returncode == 0
    passed = f"; let in: {', '.join(let_in)}" if let_in else ""
    return attack.Seen(has_own and not let_in, f"{len(OTHERS) - len(let_in)} of {len(OTHERS)} attempts refused{passed}")


def take_the_host(where: site.Site) -> attack.Seen:
    """Claim the host of the demo's model from another namespace."""
    with tenant(where) as mine:
        body = kubectl.model("thief", replicas=0, expose={**HOST, "host": demo.HOST})
        body["metadata"]["namespace"] = PLACE
        done = _as(where, TENANT, "create", "-f", "-", stdin=json.dumps(body))
        assert done.returncode == 0, done.stderr
        told = where.until("a word on the host", lambda: mine.condition("thief", "Exposed").get("reason"))
        has_edge = bool(mine.get("ingress", "thief"))
        answered = where.ask("GET", "/v1/models", where.key).status
        mine.kubectl("delete", "vllm", "thief")
    edge = "an Ingress" if has_edge else "no Ingress"
    return attack.Seen(told == "HostConflict" and not has_edge, f"{told}, {edge}; the holder's client got {answered}")


def operators_shapes(where: site.Site) -> attack.Seen:
    """Create what a taken-over operator would, with its own account."""
    cases = shape_cases.CASES
    bodies = [_named(case.body(demo.NAMESPACE), f"shape-{at}") for at, case in enumerate(cases)]
    done = _as(where, OPERATOR, *DRY, stdin=_listed(bodies))
    let_in = [case.name for at, case in enumerate(cases) if f"/shape-{at} created" in done.stdout]
    by_policy = done.stderr.count("ValidatingAdmissionPolicy")
    passed = f"; let in: {', '.join(let_in)}" if let_in else ""
    return attack.Seen(
        not let_in, f"{len(cases) - len(let_in)} of {len(cases)} refused, {by_policy} by the policy{passed}"
    )


def operators_reach(where: site.Site) -> attack.Seen:
    """Read and take what the operator's account needs for nothing."""
    refused = (
        ("get", "configmaps", "-A"),
        ("create", "clusterrolebinding", "x", "--clusterrole=cluster-admin", f"--user={TENANT}", "--dry-run=server"),
        ("create", "token", "default", "-n", "kube-system"),
        ("delete", "namespace", demo.NAMESPACE, "--dry-run=server"),
        ("exec", f"deployment/{site.MODEL}", "-n", demo.NAMESPACE, "--", "true"),
        ("create", "configmap", "x", "-n", demo.NAMESPACE, "--dry-run=server"),
    )
    let_in = [" ".join(command[:2]) for command in refused if _as(where, OPERATOR, *command).returncode == 0]
    reads = _as(where, OPERATOR, "get", "secrets", "-A").returncode == 0
    told = (
        "it reads the Secrets of every namespace, as the page says"
        if reads
        else "it reads no Secrets of all namespaces"
    )
    return attack.Seen(not let_in, f"{len(refused) - len(let_in)} of {len(refused)} attempts refused; {told}")


@contextlib.contextmanager
def tenant(where: site.Site) -> Iterator[kubectl.Admin]:
    """Have a namespace in which somebody has the role `edit`, and nothing elsewhere; yield its admin's view."""
    mine = kubectl.Admin(where.admin.kubeconfig, PLACE)
    mine.make_namespace()
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
    who = {"apiGroup": role["apiGroup"], "kind": "User", "name": TENANT}
    mine.apply({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": TENANT},
                "roleRef": role, "subjects": [who]})  # fmt: skip
    yield mine


def clean(where: site.Site) -> None:
    """Remove the tenant's namespace."""
    where.admin.kubectl("delete", "namespace", PLACE, "--ignore-not-found", "--wait=false")


def _as(where: site.Site, user: str, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run kubectl as somebody."""
    groups = ["system:authenticated"]
    if user.startswith("system:serviceaccount:"):
        groups += ["system:serviceaccounts", f"system:serviceaccounts:{user.split(':')[2]}"]
    who = (f"--as={user}", *(f"--as-group={group}" for group in groups))
    command = [binaries.find("kubectl"), f"--kubeconfig={where.admin.kubeconfig}", *who, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def _listed(bodies: list[dict[str, Any]]) -> str:
    for body in bodies:
        if body["metadata"].get("namespace") == "default":
            body["metadata"]["namespace"] = PLACE
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies})


def _named(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "name": name}}
