"""The store's OAuth and the scopes of its API, as the Salla guide's section 1 has them."""

import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from sandbox.salla import CLIENT_ID, CLIENT_SECRET, MERCHANT
from tests.sandbox.conftest import Far

BACK = "http://127.0.0.1:9/callback"
ASKED = {
    "client_id": CLIENT_ID,
    "redirect_uri": BACK,
    "response_type": "code",
    "state": "one-two-three",
    "scope": "offline_access orders.read",
}
CLIENT = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
FIELDS = {"token_type", "access_token", "expires", "refresh_token", "scope"}


def consented(far: Far) -> dict[str, str]:
    """Allow on the consent page; returns what the app's callback is told."""
    answer = far.shop.post("/oauth2/auth", params=ASKED, data={"decision": "allow"})
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def fetched(far: Far, **form: str) -> httpx.Response:
    """Ask the token endpoint."""
    return far.shop.post("/oauth2/token", data=CLIENT | form)


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    """Return the header of an access token."""
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def renewed(far: Far, refresh: str) -> httpx.Response:
    """Renew."""
    return fetched(far, grant_type="refresh_token", refresh_token=refresh)


def test_consent_leads_to_tokens(far: Far) -> None:
    """The state comes back without hyphens, `expires` is an instant two weeks ahead."""
    assert "orders.read" in far.shop.get("/oauth2/auth", params=ASKED).text
    told = consented(far)
    assert told["state"] == "onetwothree"
    form = {"grant_type": "authorization_code", "code": told["code"], "redirect_uri": BACK}
    tokens = fetched(far, **form).json()
    assert tokens.keys() == FIELDS
    assert abs(tokens["expires"] - time.time() - 14 * 86400) < 60
    who = far.shop.get("/oauth2/user/info", headers=bearer(tokens)).json()
    assert str(who["merchant"]["id"]) == MERCHANT
    again = fetched(far, **form)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_a_stranger_is_not_shown_the_page(far: Far) -> None:
    """An unknown app gets an error, and nobody is asked."""
    answer = far.shop.get("/oauth2/auth", params=ASKED | {"client_id": "x"})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_refusal_goes_back_to_the_app(far: Far) -> None:
    """The app reads access_denied."""
    answer = far.shop.post("/oauth2/auth", params=ASKED, data={"decision": "refuse"})
    assert "error=access_denied" in answer.headers["location"]


def test_renewing_twice_with_one_token_revokes_both(far: Far) -> None:
    """A refresh token is for one use; the second one ends the store's grant."""
    tokens = far.shop.post("/sandbox/token", json={"issue": True}).json()
    fresh = renewed(far, tokens["refresh_token"]).json()
    assert far.shop.get("/admin/v2/orders", headers=bearer(fresh)).status_code == 200
    again = renewed(far, tokens["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    refused = far.shop.get("/admin/v2/orders", headers=bearer(fresh))
    assert (refused.status_code, "invalid" in refused.json()["error"]["message"]) == (401, True)
    assert renewed(far, fresh["refresh_token"]).status_code == 400


def test_an_ended_token_says_so(far: Far) -> None:
    """An expired access token is told from an invalid one, and renews."""
    tokens = far.shop.post("/sandbox/token", json={"issue": True}).json()
    far.shop.post("/sandbox/token", json={"expire": True})
    refused = far.shop.get("/admin/v2/orders", headers=bearer(tokens))
    assert "expired" in refused.json()["error"]["message"]
    fresh = renewed(far, tokens["refresh_token"]).json()
    assert far.shop.get("/admin/v2/orders", headers=bearer(fresh)).status_code == 200
    far.shop.post("/sandbox/token", json={"revoke": True})
    assert far.shop.get("/admin/v2/orders", headers=bearer(fresh)).status_code == 401


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/orders", "orders.read"),
        ("/orders/invoices", "orders.read"),
        ("/products/sku/TEA-200", "products.read"),
        ("/customers", "customers.read"),
        ("/webhooks", "webhooks.read_write"),
    ],
)
def test_each_part_asks_for_its_scope(far: Far, path: str, scope: str) -> None:
    """A token without it is refused with the scope's name; with it alone it is answered."""
    for held, status in ((scope, 200), ("offline_access", 401)):
        tokens = far.seed.shop.authority.issue(MERCHANT, held)
        header = {"Authorization": f"Bearer {tokens.access}"}
        answer = far.shop.get(f"/admin/v2{path}", headers=header)
        assert answer.status_code == status
    assert scope in answer.json()["error"]["message"]


def test_reading_customers_is_no_right_to_change_them(far: Far) -> None:
    """The scope to read opens no change, and the refusal names the one that does."""
    for scope, status in (("customers.read", 401), ("customers.read_write", 422)):
        tokens = far.seed.shop.authority.issue(MERCHANT, scope)
        answer = far.shop.put(
            "/admin/v2/customers/8808",
            json={},
            headers={"Authorization": f"Bearer {tokens.access}"},
        )
        assert answer.status_code == status
    assert "first_name" in answer.json()["error"]["fields"]


def test_requests_are_counted_by_what_they_ask(far: Far) -> None:
    """Ids and SKUs are left out of the names, pages and knobs are not counted."""
    for path in ("/orders/invoices", "/orders/invoices/1", "/products/sku/A%20B", "/orders/7"):
        far.shop.get(f"/admin/v2{path}")
    far.shop.get("/")
    fetched(far, grant_type="refresh_token")
    counted = far.shop.get("/sandbox/requests").json()
    assert counted["by"] == {
        "GET /orders/invoices": 1,
        "GET /orders/invoices/{id}": 1,
        "GET /products/sku/{sku}": 1,
        "GET /orders/{id}": 1,
        "POST /oauth2/token": 1,
    }
    assert counted["total"] == 5
    assert far.shop.delete("/sandbox/requests").json() == {"total": 0, "by": {}}
