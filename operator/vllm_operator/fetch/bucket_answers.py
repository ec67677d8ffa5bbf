"""What a bucket's refusal means, from the status and the code that S3 and Google Cloud Storage give. Pure.

obstore tells a refused listing only in its error's text, so the two are looked for there; the text itself is shown to nobody,
since it may hold parts of a signed request.
"""

import re

from vllm_operator.fetch import failures, settings

BAD_KEYS = (401, 403)
NOT_FOUND, TIMED_OUT, TOO_MANY, BROKEN = 404, 408, 429, 500
STATUS = re.compile(r"non-2xx status code: (\d{3})")
CODE = re.compile(r"<Code>(\w{1,64})</Code>")
NOT_THERE = ("NoSuchBucket", "NoSuchKey")
UNKNOWN_KEYS = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "AccessDenied",
    "XAdminUserNotFound",
)
OTHER_REGION = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")
BUSY = ("SlowDown", "TooManyRequests")
LOGIN = ("invalid_grant", "invalid_client", "service account", "private key", "pem file", "credential")


def of_text(text: str, source: settings.Source, *, signed: bool) -> failures.Failure:
    """Return what an error of the library means; `signed`: whether keys were used."""
    status = STATUS.search(text)
    if status:
        code = CODE.search(text)
        return of_answer(int(status[1]), code[1] if code else "", source, signed=signed)
    if "region" in text and "redirect" in text.lower():
        return _other_region(source)
    if signed and any(word in text.lower() for word in LOGIN):
        return _unauthorized(source, signed=signed)
    told = f"The service of {source.shown} is not reached"
    return failures.Transient(failures.UNREACHABLE, told, "check the network, or the chart's endpoint, proxy or egress")


def of_answer(status: int, code: str, source: settings.Source, *, signed: bool) -> failures.Failure:
    """Return what a status and a code mean."""
    if code in OTHER_REGION or status in (301, 307):
        return _other_region(source)
    if code in UNKNOWN_KEYS or (status in BAD_KEYS and code not in NOT_THERE):
        return _unauthorized(source, signed=signed)
    if code in BUSY or status == TOO_MANY:
        told = f"The service of {source.shown} answers that there are too many requests ({status})"
        return failures.Transient(failures.RATE_LIMITED, told, "the fetch goes on when it takes them again")
    if code in NOT_THERE or status == NOT_FOUND:
        return failures.Failure(failures.SOURCE_NOT_FOUND, f"There is no {source.shown}", "correct model.source")
    if status >= BROKEN or status == TIMED_OUT:
        told = f"The service of {source.shown} answers {status}"
        return failures.Transient(failures.UNREACHABLE, told, "the fetch goes on when it works again")
    told = f"The service of {source.shown} answers {status} {code}".rstrip()
    return failures.Failure(failures.REFUSED, told, "look at its state")


def _unauthorized(source: settings.Source, *, signed: bool) -> failures.Failure:
    told = f"The keys may not read {source.shown}" if signed else f"{source.shown} is not open to everybody"
    names = (
        "GOOGLE_APPLICATION_CREDENTIALS_JSON"
        if source.scheme == "gs"
        else "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )
    remedy = f"put {names} of an account that may list and read it into the Secret of model.credentialsSecretRef"
    return failures.Failure(failures.UNAUTHORIZED, told, remedy)


def _other_region(source: settings.Source) -> failures.Failure:
    return failures.Failure(
        failures.REFUSED,
        f"{source.shown} is in another region",
        "put its AWS_REGION into the Secret of model.credentialsSecretRef",
    )
