"""What the API server may answer instead of what was asked, drawn as a tree.

    ApiError
    ├── Unavailable        no answer, a time-out, 5xx, a proxy's 404: a write may have been done or not
    │   └── Throttled      429; `retry_after` in seconds
    ├── NotFound           404
    │   └── NoSuchKind     404 without a Status: the API server does not know the path, or a proxy does not
    ├── Gone               410: the resource version is too old, list anew
    ├── Conflict           409: resource version or uid are not the live ones
    │   └── AlreadyExists  409 on creation: the name is taken
    ├── Invalid            400, 413, 415, 422: the object is refused as it is
    ├── Denied             401, 403: who we are does not suffice
    └── TooLarge           an answer that is longer than was asked for, whatever its status

    Lost                   the Lease is not held: nothing may be written, and what runs is to end

None holds a request's body, nor what a Secret holds: of an answer about Secrets the API server's own words are told, and what an
admission webhook or policy says is not, for it may quote what it likes.
"""

# ruff: noqa: N818 - the names are the API server's own

import re

from vllm_operator.kube import kinds


class ApiError(Exception):
    """An answer that is no success. `status` is 0 where none came; `reason` is one word, `message` the server's own."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(f"{message} ({status} {reason})")
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after


class Lost(Exception):
    """This process does not hold the Lease: raised before a write leaves, so nothing was written."""


class Unavailable(ApiError):
    """The API server could not answer; try again later."""


class Throttled(Unavailable):
    """The API server asks for patience."""


class NotFound(ApiError):
    """There is no such object."""


class NoSuchKind(NotFound):
    """The cluster does not have the kind."""


class Gone(ApiError):
    """The resource version or the page asked for is too old."""


class Conflict(ApiError):
    """A precondition does not hold."""


class AlreadyExists(Conflict):
    """The name of an object to be created is taken."""


class Invalid(ApiError):
    """The API server refuses the object."""


class Denied(ApiError):
    """The API server refuses us."""


class TooLarge(ApiError):
    """An answer was longer than was asked for, and the rest of it not read."""


UNPROCESSABLE = 422
BY_STATUS: dict[int, type[ApiError]] = {
    400: Invalid, 401: Denied, 403: Denied, 404: NotFound, 409: Conflict, 410: Gone, 413: Invalid, 415: Invalid,
    422: Invalid, 429: Throttled,
}  # fmt: skip

_ABOUT = r'secrets(?: "[^"]*")?'
_OWN_WORDS = (
    _ABOUT + r" is forbidden: (?:User|exceeded quota:|failed quota:|unable to create new content in namespace) .*",
    _ABOUT + r" (?:not found|already exists)",
    r"Operation cannot be fulfilled on secrets .*",
    r"(?:Internal error occurred: )?(?:etcdserver|Timeout|resource quota evaluation timed out).*",
    r"(?:the server|The POST operation|Too many requests|too old resource version|Unauthorized|storage is) ?.*",
)
"""What the API server says about Secrets by itself, of their names alone."""
_UP_TO_A_NAME = (
    r'(?:Internal error occurred: )?failed calling webhook "[^"]*"',
    r'admission webhook "[^"]*" denied the request',
    _ABOUT + r" is forbidden: (?:Validating|Mutating)AdmissionPolicy '[^']*' with binding '[^']*' denied request",
)
"""What it says of who refuses a Secret; then follow the words of that webhook, policy or server."""
_TOLD = re.compile("|".join((*_OWN_WORDS, *_UP_TO_A_NAME)))


def of(code: int, status: kinds.Object, kind: kinds.Kind, retry_after: str | None = None) -> ApiError:
    """Return the error that an answer with `code` and the body `status`, of kind Status, stands for."""
    reason = str(status.get("reason") or "Unknown")
    details = status.get("details") or {}
    causes = details.get("causes") or []
    error = BY_STATUS.get(code, Unavailable)
    if reason == "AlreadyExists":
        error = AlreadyExists
    elif error is NotFound and reason == "Unknown" and status.get("kind") != "Status":
        error = Unavailable if _is_in_every_cluster(kind) else NoSuchKind
    elif code == UNPROCESSABLE and _is_precondition(details, causes):
        error = Conflict
    message = str(status.get("message") or "the API server gave no reason")
    if kind == kinds.SECRET:
        reason, message = _without_data(reason, message, causes)
    return error(code, reason, message, float(retry_after) if retry_after and retry_after.isdigit() else None)


def _is_in_every_cluster(kind: kinds.Kind) -> bool:
    """Tell whether the kind is Kubernetes' own, of a group without a domain: only a proxy does not know its path."""
    return "." not in kind.api_version


def _is_precondition(details: kinds.Object, causes: list[kinds.Object]) -> bool:
    """Tell a precondition from a refusal: an apply with a uid met another object, or (no details) a patch's test failed."""
    return not details or any(cause.get("field") == "metadata.uid" for cause in causes)


def _without_data(reason: str, message: str, causes: list[kinds.Object]) -> tuple[str, str]:
    """Return reason and message of an answer about a Secret without what may quote it: its values, and the words of others."""
    if told := _TOLD.match(message):
        is_whole = told.group() == message
        return (reason, message) if is_whole else ("Unknown", f"{told.group()} (its words may quote the Secret)")
    named = ", ".join(f"{cause.get('field', '?')}: {cause.get('reason', '?')}" for cause in causes)
    return reason, f"the Secret is refused ({named or 'no field is named, and other words may quote it'})"
