"""`kubectl vllm` as people run it: through kubectl, which finds it on the PATH. What kubectl is called with is kept."""

import os
import pathlib
import stat
import subprocess
from typing import NamedTuple

from dev import binaries, paths

DIRECTORY = paths.ROOT / "operator" / "kubectl"
SECONDS = 300
SPY = """#!/bin/sh
echo "$@" >> {log}
exec {kubectl} "$@"
"""


class Said(NamedTuple):
    """What a command printed, and its exit status."""

    code: int
    out: str
    err: str


class Plugin:
    """The plugin in the hands of one account. `log`: each command line of kubectl, which everybody on a machine may read."""

    def __init__(self, kubeconfig: pathlib.Path, namespace: str, directory: pathlib.Path) -> None:
        self.namespace, self.log = namespace, directory / "kubectl.log"
        directory.mkdir(exist_ok=True)
        self._put(directory / "kubectl", SPY.format(log=self.log, kubectl=binaries.find("kubectl")))
        self.path = f"{directory}:{DIRECTORY}:{os.environ['PATH']}"
        self.environment = {**binaries.environment(), "PATH": self.path, "KUBECONFIG": str(kubeconfig)}
        self._directory = directory

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Said:
        """Run `kubectl vllm` in the namespace."""
        command = ["vllm", *arguments[:1], f"--namespace={self.namespace}", *arguments[1:]]
        return self.kubectl(*command, stdin=stdin, **environment)

    def kubectl(self, *arguments: str, stdin: str = "", **environment: str) -> Said:
        """Run kubectl, which finds plugins on the PATH."""
        done = subprocess.run(
            ["kubectl", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            env={**self.environment, **environment},
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def told(self, *arguments: str, **environment: str) -> str:
        """Run what succeeds; return what it prints on standard output."""
        said = self.run(*arguments, **environment)
        assert said.code == 0, said
        return said.out

    def refusal(self, *arguments: str, **environment: str) -> str:
        """Run what fails; return what it prints on standard error, the last of which is the reason."""
        said = self.run(*arguments, **environment)
        assert said.code == 1, said
        assert "\nerror: " in f"\n{said.err}", said
        assert "Traceback" not in said.err, said
        return said.err

    def complete_by(self, program: str) -> None:
        """Put what kubectl's completion asks on the PATH."""
        self._put(self._directory / "kubectl_complete-vllm", program)

    @staticmethod
    def _put(path: pathlib.Path, program: str) -> None:
        path.write_text(program)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
