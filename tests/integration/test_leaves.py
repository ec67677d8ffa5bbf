"""Every field that the API server takes changes an object of the model, which it takes too, and can be taken back."""

import pytest

from tests import canonical, leaves
from tests.integration import api_server, leaf_models
from tests.leaf_examples import FOR_EVER, ROWS
from vllm_operator.kube import kinds

LEAVES = dict(leaves.leaves())


@pytest.mark.parametrize("path", [path for path in ROWS if path in LEAVES])
def test_a_field_acts_and_can_be_taken_back(server: api_server.ApiServer, path: str) -> None:
    before, after = map(leaf_models.model, leaf_models.specs(path))
    stored = made_anew if path.startswith(FOR_EVER) else made_and_changed
    made, changed, again = stored(server, before, after, before)
    was, acted = leaf_models.children(made), leaf_models.children(changed)
    assert ROWS[path].changes in {
        ref.kind for ref in (*leaf_models.different(was, acted), *leaf_models.different(acted, was))
    }
    assert (again["spec"], leaf_models.children(again)) == (made["spec"], was)
    for child in leaf_models.judged(leaf_models.different(acted, was)).values():
        assert (server.try_to_create(child).words, canonical.lossy(child)) == ("", ())


def made_and_changed(server: api_server.ApiServer, *bodies: kinds.Object) -> list[kinds.Object]:
    """Return what the API server stores of a model that is each of `bodies` in turn."""
    first, *others = bodies
    answers = [server.create(first)]
    for one in others:
        answers.append(server.replace({**one, "metadata": answers[-1].body["metadata"]}))
    server.delete(first)
    return taken(answers)


def made_anew(server: api_server.ApiServer, *bodies: kinds.Object) -> list[kinds.Object]:
    """Return what the API server would store of each of `bodies` as a new model."""
    return taken([server.try_to_create(one) for one in bodies])


def taken(answers: list[api_server.Answer]) -> list[kinds.Object]:
    assert [answer.words for answer in answers] == [""] * len(answers)
    return [answer.body for answer in answers]
