"""What the environment says."""

import json

import pytest

from vllm_operator.fetch import failures, settings


def test_sources_endpoints_and_credentials_are_read() -> None:
    told = settings.read({
        "FETCH_SOURCES": json.dumps([{"source": "hf://org/name@v1", "into": "/w/a", "files": ["*.json"], "digest": "sha256:x"},
                                     {"source": "s3://bucket/a/b/", "into": "/w/b"}]),
        "FETCH_ENDPOINTS": '{"hf": "http://mirror/"}',
        "FETCH_PORT": "9000",
        "HF_TOKEN": " hf_x\n",
        "AWS_SECRET_ACCESS_KEY": "",
        "OTHER": "x",
    })  # fmt: skip
    assert told.sources[0] == settings.Source(
        "hf://org/name@v1", "hf", "org/name", "v1", "/w/a", ("*.json",), "sha256:x"
    )
    assert told.sources[1][1:4] == ("s3", "bucket", "a/b")
    assert told.endpoints == {"hf": "http://mirror"}
    assert told.port == 9000
    assert told.credentials == {"HF_TOKEN": "hf_x"}


def test_a_model_whose_code_may_be_run_is_another_choice_of_files() -> None:
    entry = {"source": "hf://org/name", "into": "/w"}
    plain, code = settings.read({"FETCH_SOURCES": json.dumps([entry, {**entry, "code": True}])}).sources
    assert (plain.has_code, code.has_code) == (False, True)
    assert plain.patterns != code.patterns


def test_what_to_do_where_the_volume_is_full_is_told() -> None:
    sources = json.dumps([{"source": "hf://org/name", "into": "/w"}])
    assert settings.read({"FETCH_SOURCES": sources, "FETCH_ENLARGE": "raise x"}).enlarge == "raise x"
    assert settings.read({"FETCH_SOURCES": sources}).enlarge == "make it larger"


def test_a_revision_may_be_left_out() -> None:
    assert settings.source("hf://org/name", "/w").detail == "main"
    assert settings.source("hf://org/name@refs/pr/1", "/w").detail == "refs/pr/1"


@pytest.mark.parametrize(
    "source",
    ["hf://a/b/c", "hf://org/na me", "hf://org/name@a b", "hf://org/..", "hf://org/name@../x", "ftp://x", "s3://", "s3://b/../x", "gs:///x",
     "hf://", "name"],
)  # fmt: skip
def test_what_is_no_source_is_refused_by_name(source: str) -> None:
    with pytest.raises(failures.Failure) as raised:
        settings.source(source, "/w")
    assert raised.value.reason == failures.REFUSED


@pytest.mark.parametrize(
    "sources", ["", "[]", "{", "{}", "[1]", '[{"source": "hf://a/b"}]', '[{"source": "hf://a/b", "into": "rel"}]']
)
def test_an_environment_that_says_nothing_ends_in_a_reason_and_no_traceback(sources: str) -> None:
    with pytest.raises(failures.Failure):
        settings.read({"FETCH_SOURCES": sources})
