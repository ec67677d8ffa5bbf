"""Runs `render` as the command line does, on files and on standard input."""

import io
import json
import pathlib
import sys
from typing import Any

import pytest
import yaml

from tests import samples
from vllm_operator import __main__ as command
from vllm_operator.kube import kinds

CPU = "registry.example/vllm-cpu:1"
ALL = ["*"]
GENEROUS = {
    "engine": {"images": {"cpu": CPU}},
    "allow": {"serviceAccounts": ALL, "podLabels": ALL, "podAnnotations": ALL, "ingressAnnotations": ALL, "clusterIssuers": ALL},
}  # fmt: skip
"""Values of the chart under which every example is written."""


def model(**spec: Any) -> kinds.Object:
    """Return a small model with these fields."""
    return {**samples.model(), "spec": {"model": {"source": "file:///models/opt"}, **spec}}


class Result:
    """What one run printed, and its exit status."""

    def __init__(self, status: int, capsys: pytest.CaptureFixture[str]) -> None:
        self.status = status
        self.out, self.err = capsys.readouterr()

    @property
    def objects(self) -> list[kinds.Object]:
        return list(yaml.safe_load_all(self.out))

    def kinds(self) -> list[str]:
        return sorted(one["kind"] for one in self.objects)


class Run:
    """Runs the command on a text as standard input, or on files."""

    def __init__(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: pathlib.Path
    ) -> None:
        self._capsys, self._patch, self._folder = capsys, monkeypatch, folder

    def __call__(self, *documents: Any, values: Any = GENEROUS) -> Result:
        """Render documents."""
        return self.text(yaml.safe_dump_all(documents).encode(), "--values", self.file("values.yaml", values))

    def text(self, content: bytes, *arguments: str) -> Result:
        self._patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return self.files("-", *arguments)

    def files(self, *arguments: str) -> Result:
        return Result(command.main(["render", *arguments]), self._capsys)

    def file(self, name: str, content: Any) -> str:
        path = self._folder / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)
