"""What a browser is told by every answer there is, from one place."""

import pytest

from service.shield.rules import Dress
from tests.stage import Stage
from tests.storefront.visitor import Visitor
from tests.webhooks.delivery import PATH

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
DATA, DESCRIPTION = "default-src 'none'; form-action", "default-src 'none'; style-src 'unsafe-inline'; form-action"
PAGE = "default-src 'none'; style-src 'self'; img-src"


async def test_every_answer_carries_the_headers_once(stage: Stage):
    """Pages, redirects, files, the API, its problems, its description, what is not routed, and what breaks."""
    async with Visitor(stage) as visitor:
        checkout = await visitor.buy(full_pass=1)
        page = await visitor.page("/en")
        style = next(each["href"] for tag, each in page.tags if each.get("href", "").endswith(".css"))
        order = f"/en/order/{checkout['orderId']}"
        pages = [await visitor.get(path) for path in ("/", "/en", "/es/cart", order, "/en/nowhere", "/nowhere")]
    posted = await stage.client.post("/en/cart", data={"next": "cart"}, headers={"Origin": "https://evil.example"})
    asked = ["/api/payment/catalog", "/api/nothing", "/health/live", "/health/ready", "/openapi.json", style]
    data = [await stage.client.get(path) for path in asked]
    data += [
        await stage.client.put("/api/payment/catalog"),
        await stage.client.post(PATH),
        await stage.checkout({"a": 1}),
    ]
    data += [await stage.client.options("/api/payment/catalog")]
    described = [await stage.client.get(path) for path in ("/docs", "/docs/problems", "/docs/nothing")]

    for kind, answers in ((PAGE, [*pages, posted]), (DATA, data), (DESCRIPTION, described)):
        for answer in answers:
            name = f"{answer.request.method} {answer.request.url.path} {answer.status_code}"
            headers = answer.headers
            assert headers["content-security-policy"].startswith(kind), name
            assert "frame-ancestors 'none'; base-uri 'none'" in headers["content-security-policy"], name
            assert ALWAYS.items() <= dict(headers).items(), name
            assert ("same-origin" if kind == PAGE else "no-referrer") == headers["referrer-policy"], name
            assert "camera=()" in headers["permissions-policy"], name
            assert "strict-transport-security" not in headers, "this one is http"
            assert {"cookie", "origin"}.isdisjoint(headers), name
    statuses = {answer.status_code for answer in (*pages, posted, *data, *described)}
    assert {200, 204, 303, 400, 403, 404, 405} <= statuses


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [("https://tickets.example.org", b"max-age=63072000"), ("http://127.0.0.1:8000", None)],
)
def test_a_site_on_https_says_so_for_two_years(public_url, expected):
    """HSTS on every kind of answer, only where there is https."""
    dress = Dress(public_url=public_url, form_origins=())

    for path in ("/en", "/api/payment/catalog", "/docs", "*"):
        assert expected == dict(dress.of(path)).get(b"strict-transport-security")


def test_the_page_policy_allows_our_own_files_and_the_way_to_the_gateways():
    """No host but the gateways' is named, and they only as the target of a form."""
    dress = Dress(public_url="https://a.example", form_origins=["https://checkout.stripe.com", ""])

    policy = dict(dress.of("/en/checkout"))[b"content-security-policy"].decode()
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://checkout.stripe.com;" in policy
    assert "unsafe" not in policy
    assert 1 == policy.count("https:")
