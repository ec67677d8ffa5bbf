"""The conditions of a model: for each an ordered list of rules, of which the first that applies gives reason and message.

Every condition is positive: True is what an admin wants, Progressing apart. docs/status.md explains each reason.
"""

from collections.abc import Mapping

from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import edge, engine_version, retold, rollout, rule, weights
from vllm_operator.status.context import StatusContext

Row = rule.Row[StatusContext]
Rule = rule.Rule[StatusContext]

CALM = (
    "Serving",
    "Starting",
    "Pulling",
    "Downloading",
    "Loading",
    "Compiling",
    "RollingOut",
    "Recreating",
    "ScaledToZero",
    "Paused",
)
"""Reasons of Ready that nobody needs to act on."""

UNWRITTEN = Rule("{found.reason}", StatusContext.failure, "{found.message}")
CONTESTED = Rule("{found.reason}", StatusContext.contested, "{found.message}")
NOT_ALLOWED = Rule("NotAllowed", StatusContext.violations, "{found} (values of the operator's chart)")
NO_ENGINE_IMAGE = Rule(
    "NoEngineImage", StatusContext.without_image, "no image of the engine is known for {found}",
    "set spec.engine.image, or engine.images of the operator's chart",
)  # fmt: skip
MISSING = Rule(
    "{found.kind}NotFound", StatusContext.missing, "{found} does not exist", "create it; this heals by itself"
)
NO_GATEWAY = Rule(
    "GatewayNotFound", edge.missing_gateway, "Gateway {found.namespace}/{found.name} does not exist",
    "correct spec.expose.gateway, or have it made; this heals by itself",
)  # fmt: skip
NO_IMAGE_VOLUMES = Rule(
    "ImageVolumesDisabled", weights.lacks_image_volume,
    "the API server drops image volumes, so servers have no weights of spec.model.source",
    "use Kubernetes 1.35 or newer, or have the feature gate ImageVolume switched on for it and the kubelets",
)  # fmt: skip
HOST_CONFLICT = Rule("HostConflict", edge.conflict, "{found.words}", "{found.remedy}")
UNCERTIFIED = Rule(
    "CertificateNotIssued", edge.uncertified, "cert-manager has not written the certificate into {found} yet",
    "see `kubectl describe certificate`; this heals by itself",
)  # fmt: skip
PAUSED = Rule("Paused", StatusContext.paused, "spec.paused is true: keys and revocations go on, all else waits")
SCALED_TO_ZERO = Rule("ScaledToZero", StatusContext.scaled_to_zero, "spec.replicas is 0", "scale up to serve")
UNFETCHED = Rule("{found.reason}", StatusContext.unfetched, "{found.message}")
WRONG_ANSWER = Rule("VerificationFailed", StatusContext.answers_wrongly, "{found.message}")
SERVING = Rule("Serving", StatusContext.serves, "servers that answer: {at.ready} of {at.wanted}", status="True")
CRASH_LOOP = SERVING.where(StatusContext.loops, reason="CrashLoop")
ROLLING_OUT = Rule("RollingOut", rollout.progress, "servers of the newest version that answer: {found}")
RETURNED = Rule(
    "ReturnedToLast",
    rollout.gave_way,
    "the newest version was not verified within spec.rollout.returnAfter, so that of before serves again since {found.at}:"
    " {found.words}",
    "change the spec, or its upgrade annotation, to try again",
)


def _as_before(at: StatusContext) -> ConditionValue | None:
    return retold.of(at.observed)


NO_ROOM: tuple[Row, ...] = (
    Rule("Recreating", rollout.stopping, "{found} is being stopped, and a new server takes its room"),
    _as_before,
    Rule("{found.reason}", rollout.without_room, "{found.message}"),
)
READY: tuple[Row, ...] = (
    UNWRITTEN,
    NOT_ALLOWED,
    NO_ENGINE_IMAGE,
    UNCERTIFIED.where(edge.uncertified_alone),
    NO_GATEWAY,
    HOST_CONFLICT,
    MISSING,
    NO_IMAGE_VOLUMES,
    PAUSED.where(StatusContext.held_back),
    SCALED_TO_ZERO,
    Rule("GuardRejected", StatusContext.rejected, "{found.message}"),
    UNFETCHED,
    WRONG_ANSWER.where(StatusContext.serves_wrongly),
    RETURNED,
    CONTESTED.where(
        StatusContext.contested_while_serving, message=f"{SERVING.message}; {{found.message}}", status="True"
    ),
    CRASH_LOOP,
    SERVING,
    CONTESTED,
    MISSING.where(StatusContext.missing_of_settings),
    *NO_ROOM,
    Rule("{found.reason}", rollout.refused, "{found.message}"),
    Rule("{found.reason}", StatusContext.evicted, "{found.message}"),
    Rule("{found.reason}", StatusContext.diagnosis, "{found.message}"),
    ROLLING_OUT,
)

AVAILABLE: tuple[Row, ...] = (
    SCALED_TO_ZERO,
    WRONG_ANSWER,
    SERVING.where(StatusContext.answers),
    *(row for row in READY if row not in (RETURNED, CRASH_LOOP)),
)

PROGRESSING: tuple[Row, ...] = (
    PAUSED,
    UNWRITTEN.where(StatusContext.server_failure),
    NOT_ALLOWED,
    NO_ENGINE_IMAGE,
    UNFETCHED.where(StatusContext.unfetched, status="True"),
    RETURNED.where(rollout.has_returned),
    Rule("Complete", StatusContext.serves, "nothing is being rolled out"),
    Rule(
        "StartTimedOut",
        StatusContext.overdue,
        "the newest servers did not answer within spec.engine.startupTimeout",
    ),
    ROLLING_OUT.where(rollout.progress, status="True"),
)

PLAIN_TEXT = "the Ingress has an address; it has no certificate, so clients' keys travel in plain text"

EXPOSED: tuple[Row, ...] = (
    Rule(
        "InCluster",
        edge.stays_inside,
        "reached by its Service inside the cluster; an address outside needs spec.expose.host",
        status="True",
    ),
    NOT_ALLOWED.where(edge.violations),
    UNWRITTEN.where(edge.failure),
    HOST_CONFLICT,
    UNCERTIFIED,
    NO_GATEWAY,
    MISSING.where(edge.missing),
    Rule("GatewayRefused", edge.refusal, "Gateway {found.gateway} does not serve the HTTPRoute ({found.words})"),
    Rule(
        "ExposedWithoutTLS",
        edge.accepted_without_tls,
        "Gateway {found} has taken the HTTPRoute; clients are told http://, so their keys travel in plain text",
        "write https:// in spec.expose.url where the listener has a certificate",
        "True",
    ),
    Rule(
        "ExposedWithoutTLS",
        edge.accepted_beside_tls,
        "the Gateway has taken the HTTPRoute, and listener {found} answers with a key in plain text",
        "name a listener with a certificate (sectionName in spec.expose.gateway), or spec.expose.url where TLS ends before it",
        "True",
    ),
    Rule("Exposed", edge.accepted, "Gateway {found} has taken the HTTPRoute", status="True"),
    Rule(
        "ExposedWithoutTLS",
        edge.addressed_without_tls,
        PLAIN_TEXT,
        "set spec.expose.ingress.tls, or spec.expose.url where TLS ends before the Ingress, or expose.tlsSecret of the chart",
        "True",
    ),
    Rule("Exposed", edge.addressed, "the Ingress has an address", status="True"),
    NOT_ALLOWED,
    NO_ENGINE_IMAGE,
    Rule(
        "GatewaySilent",
        edge.silent,
        "no controller has answered for the HTTPRoute yet ({found})",
        "does one serve the Gateway's class?",
        "Unknown",
    ),
    Rule(
        "NoAddress",
        StatusContext.always,
        "no ingress controller has given the Ingress an address yet",
        status="Unknown",
    ),
)


def _client_expired(at: StatusContext) -> ConditionValue | None:
    late = at.expired_clients()
    words = f"{at.guards.message}; past their expiresAt: {late}"
    return at.guards._replace(reason="ClientExpired", message=words) if late else None


def _guards(at: StatusContext) -> ConditionValue | None:
    return at.guards


def _verified(at: StatusContext) -> ConditionValue | None:
    return at.verified


CONDITIONS: Mapping[str, tuple[Row, ...]] = {
    "Available": AVAILABLE,
    "Ready": READY,
    "Progressing": PROGRESSING,
    "Exposed": EXPOSED,
    "GuardConfigured": (_client_expired, _guards),
    "Verified": (_verified,),
    "EngineCurrent": engine_version.ENGINE_CURRENT,
}
"""By type, in the order in which they stand in the status. The last rule of each applies always.

Of EngineCurrent it applies where there is an image.
"""
