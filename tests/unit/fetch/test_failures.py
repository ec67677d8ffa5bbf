"""A message is short whatever a source, a host or a file is called, and its remedy is whole."""

import itertools

import pytest

from vllm_operator.fetch import bucket_answers, failures, hub, listing, settings

LONG_HUB = settings.source(f"hf://{'o' * 96}/{'n' * 96}@{'r' * 200}", "/w")
LONG_BUCKET = settings.source(f"s3://{'b' * 63}/{'deep/' * 80}end", "/w")
STATUSES = (301, 401, 402, 403, 404, 429, 451, 500)


def test_what_happened_is_shortened_and_the_remedy_is_not() -> None:
    failure = failures.Failure("Any", "x" * 10_000, "do what is to be done")
    assert failure.message.endswith("…: do what is to be done.")
    assert len(failure.message) <= failures.MOST


def test_of_a_long_name_the_beginning_and_the_end_are_shown() -> None:
    assert failures.shown("hf://org/name") == "hf://org/name"
    assert failures.shown(LONG_BUCKET.text).startswith("s3://bbb")
    assert failures.shown(LONG_BUCKET.text).endswith("deep/end")
    assert len(failures.shown("x" * 600)) == failures.SHOWN


def is_whole(failure: failures.Failure) -> bool:
    """Tell whether nothing of the remedy is cut off, and all of what happened but a long name is there."""
    told, _, remedy = failure.message.rpartition(f": {failure.remedy}.")
    return told == failure.told and not remedy and len(failure.message) <= failures.MOST


CODES = ("", "GatedRepo", "RevisionNotFound", "RepoNotFound", "EntryNotFound")


@pytest.mark.parametrize(("status", "code"), list(itertools.product(STATUSES, CODES)))
@pytest.mark.parametrize("has_token", [True, False])
@pytest.mark.parametrize("commit", ["", "c" * 40])
def test_each_refusal_of_the_hub_has_room_for_the_longest_source(
    status: int, code: str, *, has_token: bool, commit: str
) -> None:
    assert is_whole(hub.failure(status, {"X-Error-Code": code}, LONG_HUB, has_token=has_token, commit=commit))


@pytest.mark.parametrize("code", ["", "NoSuchBucket", "AccessDenied", "PermanentRedirect", "SlowDown"])
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("signed", [True, False])
def test_each_refusal_of_a_bucket_has_room_for_the_longest_source(status: int, code: str, *, signed: bool) -> None:
    assert is_whole(bucket_answers.of_answer(status, code, LONG_BUCKET, signed=signed))


@pytest.mark.parametrize("patterns", [("*.gguf",), ()])
def test_a_listing_that_has_nothing_to_fetch_has_room_for_the_longest_names(patterns: tuple[str, ...]) -> None:
    files = [listing.File(f"{'d' * 200}/{number}.json", 1) for number in range(9)]
    with pytest.raises(failures.Failure) as raised:
        listing.wanted(files, patterns, LONG_BUCKET.text)
    assert is_whole(raised.value)


def test_a_file_that_cannot_be_written_is_named_however_long_its_name_is() -> None:
    with pytest.raises(failures.Failure) as raised:
        listing.checked([listing.File("d/" * 2000, 1)], LONG_BUCKET.text)
    assert is_whole(raised.value)
