"""What somebody tries who runs code in a pod: the engine's own container, and a pod of somebody else."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

from dev import images
from tests.attack import attack, site
from tests.e2e import media

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests import kubectl

CALLER = "caller"
LISTEN = """
import errno, socket
for port in (8000, 8002):
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        one.bind(("0.0.0.0", port))
        print("bound")
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
SEARCH = """
import json, os, pathlib, sys, urllib.request
key = sys.stdin.readline().strip().encode()
looked, hits = 0, []
def look(name, text):
    global looked
    looked += 1
    if key in text:
        hits.append(name)
for top in ("/proc", "/etc", "/run", "/var", "/tmp", "/home", "/dev/shm", "/models"):
    for folder, folders, files in os.walk(top):
        if folder.count("/") > 6:
            folders[:] = []
        for name in files:
            path = pathlib.Path(folder, name)
            if top == "/proc" and name not in ("environ", "cmdline", "mountinfo"):
                continue
            try:
                if path.is_file() and (top == "/proc" or path.stat().st_size < 4 << 20):
                    look(str(path), path.read_bytes())
            except OSError:
                pass
for address in ("8002/stats/prometheus", "8002/metrics", "8002/config_dump", "8000/config_dump", "8001/metrics"):
    try:
        look(address, urllib.request.urlopen(f"http://127.0.0.1:{address}", timeout=5).read())
    except OSError:
        pass
token = os.path.exists("/var/run/secrets/kubernetes.io")
print(json.dumps({"looked": looked, "hits": hits, "token": token, "user": os.getuid()}))
"""
SET_UID = """
import os, pathlib
print(sum(os.lstat(os.path.join(top, name)).st_mode & 0o6000 > 0 for top, folders, files in os.walk("/usr") for name in files))
"""
ASK = """
cd /tmp
for path in healthz metrics config_dump quitquitquit; do
  { (printf 'GET /%s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' $path; sleep 2) | nc -w 5 ADDRESS 8002 >answer-$path; } 2>/dev/null &
done
wait
for path in healthz metrics config_dump quitquitquit; do echo "$path $(head -n 1 answer-$path | cut -d ' ' -f 2)"; done
"""


def take_ports(where: site.Site) -> attack.Seen:
    """Listen on the guard's ports from the engine's container."""
    said = _in_engine(where, LISTEN).split()
    return attack.Seen(said == ["EADDRINUSE"] * 2, f"ports 8000 and 8002: {' and '.join(said)}")


def find_keys(where: site.Site) -> attack.Seen:
    """Look for the client's key wherever a process of the engine's container may look, and for a token of the API server."""
    found = json.loads(_in_engine(where, SEARCH, where.key))
    is_held = not found["hits"] and not found["token"] and found["user"] != 0 and found["looked"] > 0
    told = ", ".join(found["hits"]) or "none"
    return attack.Seen(
        is_held, f"{found['looked']:,} files and addresses, with the key: {told}; user {found['user']}, no token"
    )


def become_another(where: site.Site) -> attack.Seen:
    """Look for files in the engine's image that make who runs them another user."""
    number = int(_in_engine(where, SET_UID))
    return attack.Seen(number == 0, f"{number} set-uid files below /usr")


def private_port(where: site.Site) -> attack.Seen:
    """Ask the port of probes from a pod of somebody else."""
    restarts = where.restarts()
    with caller(where.admin):
        said = where.admin.kubectl("exec", CALLER, "--", "sh", "-c", ASK.replace("ADDRESS", where.pod))
    answers = {path: status for path, _, status in (line.partition(" ") for line in said.splitlines())}
    others = [answers["config_dump"], answers["quitquitquit"]]
    is_read = answers["metrics"] == "200"
    reached = "metrics are read: this cluster enforces no NetworkPolicy" if is_read else "no metrics are read"
    is_held = set(others) <= {"404", ""} and where.restarts() == restarts
    return attack.Seen(is_held, f"{reached}; administration: {' and '.join(others)}; no restart")


def fetch(where: site.Site) -> attack.Seen:
    """Have vLLM's own media connector fetch what a request names: metadata services, loopback, other Services, redirects."""
    found = media.reached(where.admin, {"none": media.case()})["none"]
    reached = [url for url, by in found.items() if by]
    return attack.Seen(not reached, f"{len(found)} URLs, reached: {', '.join(reached) or 'none'}")


@contextlib.contextmanager
def caller(admin: kubectl.Admin) -> Iterator[str]:
    """Have a pod of somebody else."""
    security = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    container = {"name": "nc", "image": images.reference("pause"), "securityContext": security}
    admin.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": CALLER}, "spec": {"containers": [container]}})
    admin.kubectl("wait", "--for=condition=Ready", f"pod/{CALLER}", "--timeout=60s")
    yield CALLER
    admin.kubectl("delete", "pod", CALLER, "--grace-period=0", "--force")


def _in_engine(where: site.Site, program: str, stdin: str = "") -> str:
    run = ("exec", "-i", f"deployment/{site.MODEL}", "-c", "vllm", "--", "python", "-c", program)
    return where.admin.kubectl(*run, stdin=f"{stdin}\n")
