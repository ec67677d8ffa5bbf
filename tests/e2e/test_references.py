"""What a model names and the cluster lacks is said, also what lies in no namespace; without a server, for none is needed."""

from dev import demo
from tests import kubectl, waiting


def test_an_ingress_class_that_does_not_exist_is_named_and_heals(admin: kubectl.Admin) -> None:
    body = kubectl.model(
        "classless", replicas=0, expose={"host": "classless.example", "ingress": {"className": "none-such"}}
    )
    body["metadata"]["namespace"] = demo.NAMESPACE
    admin.apply(body)

    def reason() -> str:
        return str(admin.condition("classless", "Exposed").get("reason", ""))

    waiting.until("IngressClassNotFound", lambda: reason() == "IngressClassNotFound", admin.world)
    assert "none-such" in admin.condition("classless", "Exposed")["message"]
    admin.patch("vllm", "classless", {"spec": {"expose": {"ingress": {"className": "contour"}}}})
    waiting.until("its end", lambda: reason() not in ("", "IngressClassNotFound"), admin.world)
    admin.kubectl("delete", "vllm", "classless")
