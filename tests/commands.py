"""The commands that pages show, judged by what there is: the plugin's own parser, make's targets, the CRD, the chart's values.

Knows the shell that is written in these pages, and no more of it. Each judgement returns what is wrong, empty where nothing is.
"""

import argparse
import contextlib
import functools
import io
import itertools
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import kubectl_vllm as plugin

from dev import paths
from tests import chart
from vllm_operator import crd
from vllm_operator.children import template
from vllm_operator.kube import naming
from vllm_operator.status import conditions

HEREDOC = re.compile(r"(<<'?(\w+)'?[^\n]*\n).*?^\2$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(^|\s)#.*$", re.MULTILINE)
ASSIGNED = re.compile(r"\w+=")
PLACEHOLDER = re.compile(r"…|\.\.\.")
MAKEFILE = (paths.ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, re.MULTILINE))
SETTINGS = MAKEFILE + "".join(path.read_text() for path in (paths.ROOT / "dev").glob("**/*.py"))


def _words(text: str) -> list[str]:
    return text.split()


KINDS = _words("""
certificate configmap crd deployment endpointslices events gateway ingressclass job namespace node nodes pod pods pvc quota role
rolebinding secret service serviceaccount storageclass workloads KIND
""")
VERBS = _words("""
annotate api-resources apply auth create delete describe edit exec explain get krew label logs patch port-forward replace rollout
run scale version wait
""")
OF_KINDS = _words("annotate delete describe edit get patch scale wait")
OF_HELM = _words("diff get install lint list rollback show template test uninstall upgrade")
VALUED = _words("""
-n --namespace -o --output -l --selector -f --filename -c --container -p --patch --type --for --timeout --replicas --since --tail
--field-selector --from-literal --from-file --image --restart --role --user --verb --resource --resource-name --subresource
--manifest --archive --context --kubeconfig --cascade --values --set --version
""")
ALONE = _words("""
-A --all-namespaces --all --overwrite --previous --recursive --show-managed-fields -i -it --rm --help --create-namespace
--reuse-values --reset-then-reuse-values
""")
ANNOTATIONS = {template.UPGRADE_ANNOTATION, naming.ADOPT_ANNOTATION}
"""What people write onto a model."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def in_shell(text: str) -> Iterator[list[str]]:
    """Yield the words of each command in a script that is one of kubectl, helm and make."""
    bare = COMMENT.sub("", HEREDOC.sub(r"\1", text)).replace("\\\n", " ")
    lexer = shlex.shlex(bare, posix=True, punctuation_chars="();<>|&\n")
    lexer.whitespace, lexer.commenters, lexer.whitespace_split = " \t", "", True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if "$(" in word:
            yield from in_shell(word.partition("$(")[2].rpartition(")")[0])
        if word.strip("();<>|&\n"):
            words.append(word)
            continue
        words = list(itertools.dropwhile(ASSIGNED.match, words))
        if words and words[0] in JUDGES:
            yield words
        words = []


def wrong(words: Sequence[str], *, mentioned: bool = False) -> str:
    """Return what is wrong with a command; one that is `mentioned` in a sentence may lack its arguments."""
    known = [word for word in words if not PLACEHOLDER.fullmatch(word)]
    try:
        if known[1:2] == ["vllm"]:
            _plugin(known[2:], mentioned=mentioned)
        elif len(known) > 1 or not mentioned:
            JUDGES[known[0]](known[1:])
    except ValueError as error:
        return f"{' '.join(words)}: {error}"
    return ""


def _must(holds: object, complaint: str) -> None:
    if not holds:
        raise ValueError(complaint)


def _plugin(words: list[str], *, mentioned: bool) -> None:
    """Have the plugin itself read the command line."""
    if words in ([], ["--help"]):
        return
    _must(words[0] in plugin.COMMANDS, f"there is no command {words[0]}")
    if mentioned and len(words) == 1:
        return
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            plugin.parsed(words)
    except SystemExit:
        raise ValueError(said.getvalue().splitlines()[-1]) from None


def _make(words: list[str]) -> None:
    for word in words:
        name = word.partition("=")[0]
        known = name in TARGETS or ("=" in word and re.search(rf"\b{name}\b", SETTINGS, re.IGNORECASE))
        _must(known, f"make knows no {name}")


def _read(words: list[str]) -> tuple[list[str], argparse.Namespace]:
    """Return the words that are no flags, and the flags; what follows -- is another program's."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    for flag in VALUED:
        parser.add_argument(flag, action="append", default=[])
    parser.add_argument("--dry-run")
    for flag in ALONE:
        parser.add_argument(flag, action="store_true")
    parser.add_argument("words", nargs="*")
    ours = words[: words.index("--")] if "--" in words else words
    found = parser.parse_intermixed_args(ours)
    return found.words, found


def _kubectl(words: list[str]) -> None:
    (verb, *rest), flags = _read(words)
    _must(verb in VERBS, f"kubectl has no {verb}")
    if verb == "explain":
        check_path(rest[0].split(".")[1:])
    if verb not in OF_KINDS or not rest:
        return
    kinds = {kind.partition("/")[0] for kind in rest[0].split(",")}
    _must(kinds <= {*KINDS, *_our_kinds()}, f"no kind is called {rest[0]}")
    if kinds <= _our_kinds():
        _check_model(verb, rest, flags)


def _check_model(verb: str, words: list[str], flags: argparse.Namespace) -> None:
    for output in flags.o:
        for path in re.findall(r"\{(\.[^}]*)\}", output):
            check_path(re.sub(r"\[[^]]*\]", "", path).split(".")[1:])
    for awaited in flags.__dict__["for"]:
        _must(awaited.removeprefix("condition=") in conditions.CONDITIONS, f"no condition is called {awaited}")
    set_to = [word.partition("=")[0] for word in words if "=" in word and verb == "annotate"]
    _must(set(set_to) <= ANNOTATIONS, f"no annotation is called {set_to}")


def check_path(path: list[str]) -> None:
    """Raise ValueError where ModelDeployments have no such field."""
    node: dict[str, Any] = _crd()["versions"][0]["schema"]["openAPIV3Schema"]
    for name in path if path[:1] != ["metadata"] else []:
        node = node.get("items", node)
        node = node.get("properties", {}).get(name) or node.get("additionalProperties")
        _must(isinstance(node, dict), f"there is no field {'.'.join(path)}")


@functools.cache
def _crd() -> dict[str, Any]:
    spec: dict[str, Any] = crd.crd()["spec"]
    return spec


def _our_kinds() -> set[str]:
    names = _crd()["names"]
    return {names["plural"], names["singular"], f"{names['plural']}.{plugin.GROUP}", *names["shortNames"]}


def _helm(words: list[str]) -> None:
    (verb, *_), flags = _read(words)
    _must(verb in OF_HELM, f"helm has no {verb}")
    for setting in flags.set:
        name = setting.partition("=")[0]
        known = [value.path for value in chart.values()]
        _must(any(name == path or name.startswith((f"{path}.", f"{path}[")) for path in known), f"no value {name}")


JUDGES: dict[str, Callable[[list[str]], None]] = {"kubectl": _kubectl, "helm": _helm, "make": _make}
