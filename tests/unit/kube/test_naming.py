"""Whose an object is: ours by reference or by label, never where somebody else controls it."""

from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "u-1")


def child() -> kinds.Object:
    return naming.child(kinds.SECRET, OWNER, "x", "client")


def test_a_child_is_ours() -> None:
    assert naming.is_ours(child(), OWNER)


def test_one_that_lost_its_label_or_its_reference_is_still_ours() -> None:
    unlabelled, unreferenced = child(), child()
    unlabelled["metadata"]["labels"] = {}
    del unreferenced["metadata"]["ownerReferences"]
    assert naming.is_ours(unlabelled, OWNER)
    assert naming.is_ours(unreferenced, OWNER)


def test_one_that_lost_both_is_a_strangers() -> None:
    stripped = child()
    stripped["metadata"] = {"name": "x", "namespace": "models"}
    assert not naming.is_ours(stripped, OWNER)


def test_one_that_somebody_else_controls_is_theirs_whatever_its_label_says() -> None:
    theirs = child()
    theirs["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "d", "uid": "other", "controller": True}]
    assert not naming.is_ours(theirs, OWNER)
    assert naming.holder(theirs) == "Deployment d"


def test_one_that_names_us_as_a_mere_owner_is_its_controllers() -> None:
    shared = child()
    shared["metadata"]["ownerReferences"] = [
        {"kind": "ModelDeployment", "name": "vllm11", "uid": OWNER.uid},
        {"kind": "Deployment", "name": "d", "uid": "other", "controller": True},
    ]
    assert not naming.is_ours(shared, OWNER)


def test_a_model_of_the_same_name_with_another_uid_is_another_model() -> None:
    assert not naming.is_ours(child(), OWNER._replace(uid="u-2"))
