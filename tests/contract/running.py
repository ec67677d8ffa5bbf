"""Runs a documented program as it stands in the document, with the address and a key put in, where the demo's host is known."""

import pathlib
import subprocess
import sys
from collections.abc import Mapping

from dev import demo, demo_calls, provider
from tests.contract import document, node

INTERPRETERS = {
    "bash": ("sh", "sh"),
    "python": (sys.executable, "py"),
    "javascript": ("node", "js"),
    "php": ("php", "php"),
}
HERE = f"https://{demo.HOST}"
PROGRAMS = pathlib.Path(__file__).parent / "programs"
CURL = 'silent\nshow-error\nwrite-out = "%{stderr}%{http_code}"\n'
"""curl tells the status to stderr: the command itself stays as documented."""


def documented(
    language: str, text: str, key: str, directory: pathlib.Path, address: str = HERE
) -> subprocess.CompletedProcess[str]:
    """Run a block of the document; curl prints the status to stderr."""
    interpreter, ending = INTERPRETERS[language]
    program = directory / f"documented.{ending}"
    program.write_text(document.put(text, address, key))
    (directory / ".curlrc").write_text(CURL + _resolved(address))
    return _run(interpreter, str(program), {"CURL_HOME": str(directory)})


def _resolved(address: str) -> str:
    """Return what lets curl find a host of the demo's edge."""
    scheme, _, host = address.partition("://")
    return f'resolve = "{host}:443:{provider.current().address()}"\n' if scheme == "https" else ""


def program(name: str, key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the tests' own programs against the demo's host."""
    path = PROGRAMS / name
    interpreter = "node" if path.suffix == ".js" else sys.executable
    return _run(interpreter, str(path), {"OPENAI_API_KEY": key}, HERE, *arguments)


def _run(
    interpreter: str, program: str, environment: Mapping[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    modules = {"NODE_PATH": str(node.modules())} if interpreter == "node" else {}  # `make accept` needs no npm
    settings = {**modules, "PYTHONIOENCODING": "utf-8", **environment}
    return demo_calls.run([interpreter, program, *arguments], settings, capture=True)
