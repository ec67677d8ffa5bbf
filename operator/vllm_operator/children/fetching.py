"""What is decided of weights that are fetched into a claim: whether they are there, and which Job is to be written. Pure."""

from typing import NamedTuple

from vllm_operator import api, config
from vllm_operator.children import claim, fetch
from vllm_operator.kube import conditions, kinds, naming

ONE_RUN = 30  # seconds
NOTED = 3


class Fetching(NamedTuple):
    """What is decided of weights that are fetched into a claim.

    `claim`: the new claim, None for one that exists; `job`: the Job to write, None where the live one does it or none is needed;
    `is_whole`: the weights are there; `emptied`: the claim of servers' weights that was made anew, "" where none was.
    """

    claim: kinds.Object | None
    job: kinds.Object | None
    is_whole: bool
    emptied: str = ""


def fetching(
    owner: naming.Owner, spec: api.Spec, settings: config.Config, asked: str, known: fetch.Known
) -> Fetching | None:
    """Return what is decided; None where nothing is fetched into a claim. `asked`: the upgrade annotation's value.

    A Job notes which claim it fills, so that one that was made anew is filled anew, whoever made it. One that has not succeeded
    is made anew where its token or its place changes.
    """
    if spec.model.cache is None or not claim.is_kept(spec):
        return None
    kept = claim.claim(owner, spec.model.cache, known.claim)
    new = fetch.job(owner, spec, settings, asked, known)
    is_own = claim.is_own(spec)
    if known.servers and not _is_emptied(known, known.servers, new, is_own=is_own):
        return Fetching(kept, None, is_whole=True)
    emptied = claim.name(owner, spec.model.cache) if known.servers else ""
    if known.job is None or not _is_for(known.job, new, known.claim, is_own=is_own):
        return Fetching(kept, new, is_whole=False, emptied=emptied)
    if conditions.is_true(known.job, "Complete"):
        return Fetching(kept, None, is_whole=True)
    again = None if _made_of(known.job) == _made_of(new) else new
    return Fetching(kept, again, is_whole=False, emptied=emptied)


def objects(decided: Fetching) -> tuple[kinds.Object, ...]:
    """Return what is to be written."""
    return tuple(one for one in (decided.claim, decided.job) if one)


def _is_for(live: kinds.Object, new: kinds.Object, held: kinds.Object | None, *, is_own: bool) -> bool:
    """Tell whether a Job fetches what the `new` one would, into the claim that is there.

    While a claim of somebody's is not there, or cannot be read, its Job stays.
    """
    *wanted_there, uid = _note(live)
    *wanted_now, now = _note(new)
    if wanted_there != wanted_now:
        return False
    if held is None and not is_own:
        return True
    return uid == now or (not uid and _may_have_filled(live, held, is_own=is_own))


def _may_have_filled(live: kinds.Object, held: kinds.Object | None, *, is_own: bool) -> bool:
    """Tell whether a Job that noted no uid is taken to fill the claim that is there.

    Of ours it was made in a run with its claim, whose uid was not known yet. Of somebody's nobody looked at the claim, so one
    that has fetched counts as having filled it, and another is made anew to note the uid.
    """
    return not _is_newer(held, live) if is_own else conditions.is_true(live, "Complete")


def _is_emptied(known: fetch.Known, servers: kinds.Object, new: kinds.Object, *, is_own: bool) -> bool:
    """Tell whether the claim is another one than the servers were made with, and is not filled yet.

    A Job that noted the uid of a claim of that name tells it, whatever it fetched. Else, of a claim of ours, the times at which
    the claim and the servers' revision were made do. One of somebody's may have come later than the revision.
    """
    weights, name, now = _note(new)
    weights_there, name_there, noted = _note(known.job) if known.job else [""] * NOTED
    knows = bool(noted and now) and name_there == name
    if knows and noted != now:
        return True
    if knows and weights_there == weights:
        return not conditions.is_true(known.job or {}, "Complete")
    return is_own and _is_newer(known.claim, servers)


def _note(obj: kinds.Object) -> list[str]:
    """Return which weights a Job fetches, into the claim of which name and uid."""
    noted = str(obj["metadata"].get("annotations", {}).get(naming.WEIGHTS_ANNOTATION, "")).split("/")
    return noted if len(noted) == NOTED else [""] * NOTED


def _made_of(obj: kinds.Object) -> str:
    return str(obj["metadata"].get("annotations", {}).get(naming.FETCH_ANNOTATION, ""))


def _is_newer(made: kinds.Object | None, than: kinds.Object) -> bool:
    """Tell whether the claim was made after `than`, which filled or mounted it: what was there is gone."""
    return made is not None and _made(than) + ONE_RUN < _made(made)


def _made(obj: kinds.Object) -> int:
    return api.unix(obj["metadata"]["creationTimestamp"])
