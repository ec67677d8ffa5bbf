"""What the operator's allow-lists refuse of a spec: (spec, namespace, settings) -> findings, each with the field and the list.

An empty list of images allows any image, one of Gateways or of IngressClasses any of these, and a namespace without a list of
domains any host; the other lists allow what they name, exactly or, where an entry ends in `*`, by its beginning. What the
operator's own settings say (default images, pull secrets, domain, class, Gateway) is allowed by whoever set it; a host under the
domain is that of one model. The chart's admission policy says the same at apply, where the cluster has it; here it is the
boundary. Must not know what becomes of a refused spec.
"""

import re
import urllib.parse
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vllm_operator import api, config
from vllm_operator.engine import allowance, refusals, source
from vllm_operator.kube import image_names, kinds

ANY = "*"
"""The entry of a list that stands for all."""
COMMIT = re.compile("^hf://[^@]*@([0-9a-fA-F]{4,64}|pr/.*)$")
"""A source that names a commit of the hub or a proposal, or what the hub may take for one."""
LONGEST_NAME = 128
"""The most characters of an option's or a variable's name that a message repeats."""


class Violation(NamedTuple):
    """What is refused in words, and whether it is the edge's: a host, an issuer, or an annotation of Ingress or Service."""

    message: str
    edge: bool = False


def findings(model: kinds.Key, spec: api.Spec, settings: config.Config) -> tuple[Violation, ...]:
    """Return what is not allowed of `spec`, which is that of `model`; nothing where all of it is."""
    allow = settings.allow
    return (
        *_images(spec, allow),
        *_source(spec, settings),
        *_remote_code(model.namespace, spec, allow),
        *_refused(spec.engine),
        *_engine(spec.engine, allow),
        *_pods(spec, allow),
        *_edge(model, spec, settings),
    )


def is_host(model: kinds.Key, spec: api.Spec, settings: config.Config) -> bool:
    """Tell whether the host that `spec` names, if any, is one that `model` may have: keys are not sent to others'."""
    return spec.expose is None or not any(_hosts(model, spec.expose, settings))


def _images(spec: api.Spec, allow: config.Allow) -> Iterator[Violation]:
    named = (("spec.engine.image", spec.engine.image), ("spec.model.source", source.weights(spec.model).image))
    for field, image in named:
        if image and allow.images and not image_names.is_under_any(image, allow.images):
            yield Violation(f"{field} {image} is under none of allow.images: {_listed(allow.images)}")


def _remote_code(namespace: str, spec: api.Spec, allow: config.Allow) -> Iterator[Violation]:
    """Yield what is refused of code that comes with the weights: it is trusted by the source that it comes from."""
    trusted = allow.remote_code.get(namespace, ())
    named = spec.model.source
    if spec.engine.trust_remote_code and not any(_is_trusted(named, prefix) for prefix in trusted):
        where = f"allow.remoteCode of the namespace {namespace}"
        whole = "; a commit is one of anybody's proposals until it is listed itself" if COMMIT.search(named) else ""
        yield Violation(f"spec.engine.trustRemoteCode: {named} is under none of {where}: {_listed(trusted)}{whole}")


def _is_trusted(named: str, prefix: str) -> bool:
    """Tell whether an entry has the source. A commit of the hub needs one of its own: it may be a proposal that nobody took."""
    if prefix in (ANY, named):
        return True
    return image_names.is_under(named, prefix) and not COMMIT.search(named)


def _refused(engine: api.Engine) -> Iterator[Violation]:
    """Yield what an older schema let in and nobody may set any more."""
    for argument in engine.args:
        if refusal := refusals.refusal(argument):
            yield Violation(f"spec.engine.args --{refusals.option(argument)[:LONGEST_NAME]}: {refusal}")
    for entry in engine.env:
        if refusal := refusals.refusal_of_variable(entry):
            yield Violation(f"spec.engine.env {entry.name}: {refusal}")


def _engine(engine: api.Engine, allow: config.Allow) -> Iterator[Violation]:
    """Yield the options and variables that an admin must have allowed."""
    for asked in allowance.options(engine):
        yield from _unallowed("spec.engine.args", asked, "allow.engineArgs", allow.engine_args)
    for asked in allowance.variables(engine):
        yield from _unallowed("spec.engine.env", asked, "allow.engineEnv", allow.engine_env)


def _unallowed(field: str, asked: allowance.Asked, value: str, entries: tuple[str, ...]) -> Iterator[Violation]:
    for violation in _unnamed(field, (asked.name[:LONGEST_NAME],), value, entries):
        yield Violation(f"{violation.message}; {asked.why}")


def _source(spec: api.Spec, settings: config.Config) -> Iterator[Violation]:
    """Yield what an installation without a way outside refuses: a source of the internet without a mirror."""
    mirrors = {"hf": ("hub", settings.hub_url), "s3": ("s3", settings.s3_url), "gs": ("", "")}
    adapters = (("spec.model.adapters", one.source) for one in spec.model.adapters or ())
    for field, named in (("spec.model.source", spec.model.source), *adapters):
        scheme = named.partition("://")[0]
        value, mirror = mirrors.get(scheme, ("", "-"))
        if settings.weights_offline and not mirror:
            remedy = f"set weights.{value} to a mirror" if value else "use a source inside the cluster"
            yield Violation(f"{field} {scheme} lies outside, and weights.offline is set: {remedy}")


def _pods(spec: api.Spec, allow: config.Allow) -> Iterator[Violation]:
    metadata = spec.pod_metadata
    account = (spec.service_account_name,) if spec.service_account_name else ()
    yield from _unnamed("spec.serviceAccountName", account, "allow.serviceAccounts", allow.service_accounts)
    yield from _unnamed("spec.podMetadata.labels", metadata.labels, "allow.podLabels", allow.pod_labels)
    yield from _unnamed(
        "spec.podMetadata.annotations", metadata.annotations, "allow.podAnnotations", allow.pod_annotations
    )


def _edge(model: kinds.Key, spec: api.Spec, settings: config.Config) -> Iterator[Violation]:
    if spec.expose is None:
        return
    expose, ingress, allow = spec.expose, spec.expose.ingress, settings.allow
    yield from _hosts(model, expose, settings)
    named: list[tuple[str, Iterable[str], str, tuple[str, ...]]] = [
        ("spec.expose.ingress.annotations", ingress.annotations, "allow.ingressAnnotations", allow.ingress_annotations),
        ("spec.expose.serviceAnnotations", expose.service_annotations, "allow.serviceAnnotations", allow.service_annotations),
        ("spec.expose.ingress.tls.issuerRef", _cluster_issuers(ingress), "allow.clusterIssuers", allow.cluster_issuers),
    ]  # fmt: skip
    if allow.gateways:
        gateways = _gateways(model.namespace, expose)
        named.append(("spec.expose.gateway.parentRefs", gateways, "allow.gateways", allow.gateways))
    if allow.ingress_classes and ingress.class_name:
        classes = (ingress.class_name,)
        named.append(("spec.expose.ingress.className", classes, "allow.ingressClasses", allow.ingress_classes))
    for field, names, value, entries in named:
        yield from (finding._replace(edge=True) for finding in _unnamed(field, names, value, entries))


def _gateways(namespace: str, expose: api.Expose) -> tuple[str, ...]:
    """Return the Gateways that are named, as namespace/name."""
    refs = expose.gateway.parent_refs if expose.gateway else ()
    return tuple(f"{ref.namespace or namespace}/{ref.name}" for ref in refs)


def _cluster_issuers(ingress: api.Ingress) -> tuple[str, ...]:
    """Return the ClusterIssuer that is named, if any; an Issuer is one of the model's own namespace."""
    issuer = ingress.tls.issuer_ref if ingress.tls else None
    return (issuer.name,) if issuer and issuer.kind == "ClusterIssuer" else ()


def _hosts(model: kinds.Key, expose: api.Expose, settings: config.Config) -> Iterator[Violation]:
    """Yield the hosts that are not the model's to name: that of the edge, and the one that clients are sent to."""
    told = urllib.parse.urlsplit(expose.url or "").hostname
    for field, host in (("spec.expose.host", expose.host), ("spec.expose.url", told)):
        if host and (refusal := _refusal_of_host(model, host, settings)):
            yield Violation(f"{field} {host} {refusal}", edge=True)


def _refusal_of_host(model: kinds.Key, host: str, settings: config.Config) -> str:
    """Say why `model` may not name `host`; "" where it may. A host under the operator's domain is that of one model.

    An entry of allow.domains that lies below the operator's domain gives what is under it to its namespace.
    """
    domain, allowed = settings.domain, settings.allow.domains
    listed = allowed.get(model.namespace, allowed.get(ANY))
    if domain and _is_within(host, domain):
        own = (f"{model.name}.{domain}", f"{model.name}.{model.namespace}.{domain}")
        below = [one for one in listed or () if one.endswith(f".{domain}")]
        if host in own or any(_is_within(host, one) for one in below):
            return ""
        return f"lies under expose.domain, where the hosts of this model are {' and '.join(own)}"
    if listed is None or any(_is_within(host, one) for one in listed):
        return ""
    return f"is under none of allow.domains of the namespace {model.namespace}: {_listed(listed)}"


def _is_within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _unnamed(field: str, names: Iterable[str], value: str, entries: tuple[str, ...]) -> Iterator[Violation]:
    for name in names:
        if not is_named(name, entries):
            yield Violation(f"{field} {name} is not in {value}: {_listed(entries)}")


def is_named(name: str, entries: Iterable[str]) -> bool:
    """Tell whether `name` is one of `entries`, or begins as one that ends in `*`."""
    return any(name.startswith(entry[:-1]) if entry.endswith(ANY) else name == entry for entry in entries)


def _listed(entries: Iterable[str]) -> str:
    return ", ".join(entries) or "none"
