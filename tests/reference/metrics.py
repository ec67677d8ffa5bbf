"""The table of docs/metrics.md that the operator's own registry gives: name, labels and meaning of each metric."""

from prometheus_client.metrics_core import Metric

from vllm_operator.controller import metrics

SUFFIXES = {"counter": "_total", "gauge": "", "histogram": "_bucket"}


def lines() -> list[str]:
    """Return the table."""
    rows = [_row(one) for one in sorted(metrics.REGISTRY.collect(), key=lambda one: one.name)]
    return ["", "| metric | type | labels | meaning |", "|---|---|---|---|", *rows]


def names() -> set[str]:
    """Return the names under which Prometheus stores the operator's metrics."""
    found = set()
    for one in metrics.REGISTRY.collect():
        kinds = ("_bucket", "_sum", "_count") if one.type == "histogram" else (SUFFIXES[one.type],)
        found |= {one.name + kind for kind in kinds}
    return found


def _row(one: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in _labels(one.name))
    return f"| `{one.name}{SUFFIXES[one.type]}` | {one.type} | {labels} | {one.documentation} |"


def _labels(name: str) -> tuple[str, ...]:
    """Return the labels that the code gives the metric, whether a series of it exists yet or not."""
    declared = (value for value in vars(metrics).values() if getattr(value, "_name", "") == name)
    return next(tuple(value._labelnames) for value in declared)
