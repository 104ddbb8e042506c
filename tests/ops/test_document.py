"""The API's document: who may ask, what leads where, an example for everything, and every method of a path."""

from service.reference.rules import LINKS, TAGS


async def test_the_document_says_all_that_a_client_needs(stage):
    """Security by permission, unique names, described tags, an example of every good answer and every body."""
    document = (await stage.client.get("/openapi.json")).json()
    operations = [each for item in document["paths"].values() for each in item.values()]
    names = [each["operationId"] for each in operations]
    good = [(each, answer) for each in operations for status, answer in each["responses"].items() if status[0] == "2"]

    assert sorted(set(names)) == sorted(names)
    assert {"apiKey", "orderToken", "orderTokenInLink", "staffSession"} == set(
        document["components"]["securitySchemes"]
    )
    assert [] == [each["operationId"] for each in operations if bool(each["security"]) != ("x-permission" in each)]
    assert [] == [tag for each in operations for tag in each["tags"] if tag not in TAGS]
    assert [] == [each["operationId"] for each, answer in good if not _has_example(answer)]
    assert [] == [
        each["operationId"] for each in operations if "requestBody" in each and not _has_example(each["requestBody"])
    ]
    assert [] == [each["operationId"] for each in operations if not each["summary"] or not each["description"]]
    assert stage.settings.public_url == document["servers"][0]["url"]


def _has_example(body: dict) -> bool:
    media = body.get("content", {}).values()
    return not media or any(each.get("examples") or each["schema"].get("examples") for each in media)


async def test_links_lead_to_operations_there_are(stage):
    """Each link of the table stands at an operation and names another; none is dropped in silence."""
    document = (await stage.client.get("/openapi.json")).json()
    operations = {each["operationId"]: each for item in document["paths"].values() for each in item.values()}

    assert set() == LINKS.keys() - operations.keys()
    assert set() == {each["operationId"] for links in LINKS.values() for each in links} - operations.keys()
    order = operations["createCheckoutSession"]["responses"]["201"]["links"]["getOrder"]
    assert {"orderId": "$response.body#/orderId", "token": "$response.body#/accessToken"} == order["parameters"]


async def test_options_lists_all_methods_of_a_path(stage):
    """Also those of handlers that were registered one after the other."""
    answer = await stage.client.options("/api/ops/switches/sales")

    assert (204, "DELETE, GET, OPTIONS, PUT") == (answer.status_code, answer.headers["allow"])
