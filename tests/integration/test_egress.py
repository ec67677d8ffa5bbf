"""A kernel holds packets to the models' NetworkPolicies as a network plugin would, in a network namespace of the test's own."""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping

from tests import egress_cases as cases
from vllm_operator.kube import kinds

INSIDE = pathlib.Path(__file__).with_name("packets.py")
APART = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
PODS = {"models": "10.244.0.1", "store": "10.244.0.2", "others": "10.244.0.3", "openshift-dns": "10.244.0.4"}
PLACES = {
    name: (place.address or PODS[place.namespace], place.port)
    for name, place in cases.PLACES.items()
    if place.protocol == "TCP"
}


def reached(
    policies: dict[str, list[kinds.Object]], places: Mapping[str, tuple[str, int]] = PLACES
) -> dict[str, set[str]]:
    """Return the places that connections came to, by policy."""
    asked = json.dumps({"policies": policies, "pods": PODS, "places": dict(places)})
    done = subprocess.run(
        [*APART, sys.executable, str(INSIDE)], input=asked, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {name: set(found) for name, found in json.loads(done.stdout).items()}


def wanted(rows: Mapping[str, cases.Row]) -> dict[str, set[str]]:
    return {name: (row.dns | row.reached) & set(PLACES) for name, row in rows.items()}


def test_packets_of_servers_come_to_the_places_of_the_table_and_to_no_other() -> None:
    policies = {name: cases.of_servers(row)["spec"]["egress"] for name, row in cases.SERVERS.items()}
    assert reached(policies) == wanted(cases.SERVERS)


def test_packets_of_a_job_come_to_the_places_of_the_table_and_to_no_other() -> None:
    policies = {name: cases.of_fetch(row)["spec"]["egress"] for name, row in cases.JOBS.items()}
    assert reached(policies) == wanted(cases.JOBS)


def test_under_a_rule_for_everything_packets_come_everywhere() -> None:
    """So the two tests above would see it."""
    assert reached({"open": [{}]}) == {"open": set(PLACES)}
