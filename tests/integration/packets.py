"""Runs in a network namespace of its own: which addresses a kernel lets a process reach under rules of a NetworkPolicy.

Reads JSON from stdin: `policies` (lists of egress rules, by name), `pods` (the address of a namespace's pods, by its name) and
`places` (address and port, by name). Prints JSON: by policy the places that a connection came to. All addresses are local ones.
"""

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

SECONDS = 2
KINDS = {socket.AF_INET: "iptables-restore", socket.AF_INET6: "ip6tables-restore"}
Rule = dict[str, Any]


def run(*command: str, given: str = "") -> None:
    """Run a command that must succeed."""
    subprocess.run(command, input=given, text=True, check=True)


def family(address: str) -> socket.AddressFamily:
    """Return the family of an address or a network."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def blocks(rule: Rule, pods: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the networks that a rule lets pods reach, each with what is left out of it."""
    for peer in rule.get("to", [{"ipBlock": {"cidr": cidr}} for cidr in ("0.0.0.0/0", "::/0")]):
        if "ipBlock" in peer:
            yield peer["ipBlock"]["cidr"], peer["ipBlock"].get("except", [])
        else:
            labels = peer.get("namespaceSelector", {}).get("matchLabels", {})
            yield pods[labels.get("kubernetes.io/metadata.name", "models")], []


def filters(rules: list[Rule], pods: dict[str, str], kind: socket.AddressFamily) -> str:
    """Return the rules as iptables takes them."""
    found = [(rule, *block) for rule in rules for block in blocks(rule, pods) if family(block[0]) == kind]
    lines = ["*filter", ":OUTPUT ACCEPT", *(f":block{at} -" for at in range(len(found)))]
    for at, (rule, cidr, beside) in enumerate(found):
        ports = [f"--dport {one['port']}" for one in rule.get("ports", []) if one["protocol"] == "TCP"]
        lines += [f"-A OUTPUT -p tcp -d {cidr} {port} -j block{at}" for port in ports or [""]]
        lines += [*(f"-A block{at} -d {one} -j RETURN" for one in beside), f"-A block{at} -j ACCEPT"]
    return "\n".join([*lines, "-A OUTPUT -p tcp --syn -j REJECT --reject-with tcp-reset", "COMMIT\n"])


def is_reached(address: str, port: int) -> bool:
    """Tell whether a connection comes to the address."""
    with contextlib.suppress(OSError), socket.create_connection((address, port), SECONDS):
        return True
    return False


def main() -> None:
    """Answer what is asked on stdin."""
    asked, found = json.load(sys.stdin), {}
    run("ip", "link", "set", "lo", "up")
    for address in {place[0] for place in asked["places"].values()}:
        run("ip", "address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))
    with contextlib.ExitStack() as stack:
        for address, port in asked["places"].values():
            stack.enter_context(socket.create_server((address, port), family=family(address)))
        for name, rules in asked["policies"].items():
            for kind, command in KINDS.items():
                run(command, given=filters(rules, asked["pods"], kind))
            found[name] = [name for name, place in asked["places"].items() if is_reached(*place)]
    sys.stdout.write(json.dumps(found))


main()
