"""What vLLM's own media connector fetches, asked in the engine's container: the URLs that are tried, and whom each reached."""

import json
from typing import Any

from dev import paths
from tests import kubectl
from vllm_operator import api
from vllm_operator.engine import options

INSIDE = paths.ROOT / "tests" / "contract" / "media.py"
HOST, OTHER = "media.example.com", "other.models.svc"
LISTENER = "listener"
KINDS = ("image", "audio", "video")
FROM_HOST = ["http://media.example.com:{port}/cat.png", "http://MEDIA.example.com:{port}/cat.png"]
REDIRECTS = [
    "http://media.example.com:{port}/to/169.254.169.254/latest/meta-data/",
    "http://media.example.com:{port}/to/127.0.0.1:8001/metrics",
    "http://media.example.com:{port}/to/other.models.svc:{port}/metrics",
]
ELSEWHERE = [
    "http://169.254.169.254/latest/meta-data/", "HTTP://169.254.169.254/", "http://[::ffff:169.254.169.254]/",
    "http://127.0.0.1:8001/health", "http://localhost:8001/health", "http://[::1]:8001/health", "http://2130706433:8001/health",
    "http://other.models.svc:{port}/metrics", "https://kubernetes.default.svc/api",
    "http://media.example.com@169.254.169.254/", "http://169.254.169.254#@media.example.com/",
    "http://169.254.169.254\\@media.example.com/", "http://media.example.com.evil.example/",
]  # fmt: skip
NO_URL = ["file:///etc/passwd", "//169.254.169.254/", "ftp://169.254.169.254/"]
ALL = [*FROM_HOST, *REDIRECTS, *ELSEWHERE, *NO_URL]


def case(*hosts: str) -> dict[str, Any]:
    """Return an engine that fetches from `hosts`."""
    engine = api.Engine(media=api.Media(allow_domains=hosts))
    return {"arguments": options.arguments(api.Spec(model=api.Model(source="file:///models/a/b"), engine=engine))}


def reached(admin: kubectl.Admin, cases: dict[str, Any]) -> dict[str, Any]:
    """Return whom vLLM reached, by case and URL, asked once: it takes seconds to import."""
    asked = {"cases": cases, "urls": ALL, "names": [HOST, OTHER]}
    run = ("exec", "-i", "deployment/vllm11", "-c", "vllm", "--", "python", "-c", INSIDE.read_text())
    found: dict[str, Any] = json.loads(admin.kubectl(*run, stdin=json.dumps(asked)).splitlines()[-1])
    return found
