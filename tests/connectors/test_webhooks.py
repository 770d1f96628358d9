"""The readers of webhooks: what is proven gives hints, and everything else is refused by name."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync.connectors.webhooks import READERS, Delivery, Forged, Hint, Unreadable

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECRET = "a-webhook-secret"
HUBSPOT_URL = "https://invsync.example/webhooks/hubspot"
DEEP = b"[" * 100_000 + b"]" * 100_000
ODD = (b"", b"not json", b"\xff\xfe", b"null", b"7", b'"text"', DEEP)
SALLA = {"event": "invoice.created", "merchant": 77, "data": {"id": 512}}
CHANGED = {
    "eventId": 100,
    "subscriptionId": 12,
    "portalId": 501,
    "objectId": 9001,
    "objectTypeId": "0-53",
    "changeSource": "CRM_UI",
}
CLOUD = {
    "id": "e-1",
    "type": "qbo.invoice.created.v1",
    "intuitentityid": "130",
    "intuitaccountid": "9341",
}


def delivery(
    body: Any, headers: Mapping[str, str] | None = None, *, url: str = HUBSPOT_URL, key: str = ""
) -> Delivery:
    """Return a request; a `body` that is not bytes is written as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery("POST", url, headers or {}, {"key": key} if key else {}, raw, "55")


def hexed(body: bytes, secret: str = SECRET) -> str:
    """Return the hexadecimal HMAC of a body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def based(signed: bytes, secret: str = SECRET) -> str:
    """Return the base64 HMAC of what is signed."""
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def signed_salla(body: Any, secret: str = SECRET) -> Delivery:
    """Return Salla's delivery with the signature strategy."""
    plain = delivery(body)
    proof = {"x-salla-security-strategy": "Signature"}
    return delivery(plain.body, proof | {"x-salla-signature": hexed(plain.body, secret)})


def signed_hubspot(
    body: Any, secret: str = SECRET, *, at: datetime = NOW, url: str = HUBSPOT_URL, seen: str = ""
) -> Delivery:
    """Return HubSpot's delivery to `url`, signed over the address as HubSpot wrote it, `seen`."""
    plain, stamp = delivery(body), str(int(at.timestamp() * 1000))
    proof = based(f"POST{seen or url}".encode() + plain.body + stamp.encode(), secret)
    headers = {"x-hubspot-request-timestamp": stamp, "x-hubspot-signature-v3": proof}
    return delivery(plain.body, headers, url=url)


def signed_quickbooks(body: Any, secret: str = SECRET) -> Delivery:
    """Return QuickBooks' delivery."""
    plain = delivery(body)
    return delivery(plain.body, {"intuit-signature": based(plain.body, secret)})


PROVE: Mapping[str, Callable[[Any, str], Delivery]] = {
    "salla": signed_salla,
    "hubspot": signed_hubspot,
    "quickbooks": signed_quickbooks,
    "daftra": lambda body, secret: delivery(body, key=secret),
}
GOOD: Mapping[str, Any] = {
    "salla": SALLA,
    "hubspot": [CHANGED],
    "quickbooks": [CLOUD],
    "daftra": {"event": "Invoice created", "id": "31"},
}


def proven(system: str, body: Any) -> Delivery:
    """Return a delivery that the system itself sent."""
    return PROVE[system](body, SECRET)


def read(system: str, one: Delivery, *secrets: str, now: datetime = NOW) -> list[Hint]:
    """Read a delivery with the right secret, or with those given."""
    return READERS[system](one, secrets or (SECRET,), now)


# --- all systems ---------------------------------------------------------------------------------


@pytest.mark.parametrize("system", READERS)
def test_any_of_the_secrets_proves(system: str) -> None:
    """A delivery counts when one of several secrets signed it, as during a rotation."""
    assert len(read(system, proven(system, GOOD[system]), "an old one", SECRET)) == 1


@pytest.mark.parametrize("system", READERS)
@pytest.mark.parametrize("secrets", [("another",), ("",), ("", "another")])
def test_without_our_secret_it_is_forged(system: str, secrets: tuple[str, ...]) -> None:
    """Another secret proves nothing, and an empty one nothing either."""
    with pytest.raises(Forged):
        read(system, proven(system, GOOD[system]), *secrets)


@pytest.mark.parametrize("system", READERS)
def test_an_empty_secret_lets_nobody_in(system: str) -> None:
    """What somebody signs with the empty text is refused, whether we know no secret or ''."""
    forged = PROVE[system](GOOD[system], "")
    for secrets in ((), ("",)):
        with pytest.raises(Forged):
            READERS[system](forged, secrets, NOW)


@pytest.mark.parametrize("system", READERS)
def test_nothing_at_all_is_forged(system: str) -> None:
    """A request without headers and query is refused before its body is looked at."""
    with pytest.raises(Forged):
        read(system, delivery(b"not json"))


@pytest.mark.parametrize("system", READERS)
@pytest.mark.parametrize("body", ODD, ids=lambda body: repr(body[:10]))
def test_odd_bodies_are_unreadable(system: str, body: bytes) -> None:
    """Proven or not, a body that no guide describes is refused; a deep one ends no thread."""
    with pytest.raises(Unreadable):
        read(system, proven(system, body))


@pytest.mark.parametrize("system", READERS)
def test_a_repeated_delivery_has_the_same_uid(system: str) -> None:
    """The uid belongs to the event: once more it is the same, of another event it is not."""
    first = read(system, proven(system, GOOD[system]))
    assert read(system, proven(system, GOOD[system])) == first
    told = json.dumps(GOOD[system])
    for event, other in (("512", "513"), ("31", "32"), (": 100", ": 101"), ("e-1", "e-2")):
        told = told.replace(event, other)
    assert read(system, proven(system, told.encode()))[0].uid != first[0].uid


# --- Salla ---------------------------------------------------------------------------------------


def test_salla_signature() -> None:
    """A signed event tells merchant, kind and id, with or without the prefix of the digest."""
    one = signed_salla(SALLA)
    uid = hashlib.sha256(one.body).hexdigest()
    assert read("salla", one) == [Hint("salla", "77", uid, "invoice", "512")]
    prefixed = {"x-salla-signature": f"sha256={hexed(one.body)}"}
    assert read("salla", delivery(one.body, prefixed))[0].object_id == "512"


@pytest.mark.parametrize("given", [SECRET, f"Bearer {SECRET}"])
def test_salla_token(given: str) -> None:
    """The token strategy carries the secret itself, bare or as a bearer's."""
    headers = {"x-salla-security-strategy": "Token", "authorization": given}
    assert read("salla", delivery(SALLA, headers))[0].account == "77"


def test_salla_does_not_mix_its_strategies() -> None:
    """Under the signature strategy a right token proves nothing, nor the other way round."""
    body = json.dumps(SALLA).encode()
    token = {"x-salla-security-strategy": "signature", "authorization": SECRET}
    signature = {"x-salla-security-strategy": "token", "x-salla-signature": hexed(body)}
    for headers in (token, signature, {"x-salla-security-strategy": "none"}):
        with pytest.raises(Forged):
            read("salla", delivery(body, headers))


def test_salla_signs_the_bytes() -> None:
    """One more blank in the body, and the signature is not ours."""
    one = signed_salla(SALLA)
    with pytest.raises(Forged, match="not ours"):
        read("salla", delivery(one.body + b" ", one.headers))


@pytest.mark.parametrize("token", ["§", "ÿ" * 300, "Bearer "])
def test_odd_tokens_are_forged(token: str) -> None:
    """Signs beyond ASCII are compared like any others."""
    with pytest.raises(Forged):
        read("salla", delivery(SALLA, {"authorization": token}))


@pytest.mark.parametrize(
    "change",
    [
        {"merchant": None},
        {"merchant": " "},
        {"data": None},
        {"data": {}},
        {"data": {"id": 1.5}},
        {"data": {"id": "9" * 101}},
        {"data": {"id": "9\ud800"}},
        {"data": {"id": "9\x00"}},
    ],
)
def test_salla_events_without_an_id_give_nothing(change: dict[str, Any]) -> None:
    """Merchant and object must be ids that can be stored."""
    assert read("salla", signed_salla(SALLA | change)) == []


@pytest.mark.parametrize("event", ["inv\ud800oice", None, ["invoice"], "x" * 500, "\x00"])
def test_an_odd_name_is_an_unknown_one(event: object) -> None:
    """A name that no event has is kept as unknown, for the source to make nothing of it."""
    (hint,) = read("salla", signed_salla(SALLA | {"event": event}))
    assert (hint.entity, hint.object_id) in {("unknown", "512"), ("none", "512")}


# --- Daftra --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"event": "Invoice created", "id": 31},
        {"event": "Invoice created", "data": {"id": "31"}},
        {"action": "Invoice created", "id": " 31 "},
    ],
)
def test_daftra_reads_what_it_can(body: dict[str, Any]) -> None:
    """The guide describes little: the id is taken from the event or from its data."""
    (hint,) = read("daftra", proven("daftra", body))
    assert (hint.system, hint.account) == ("daftra", "55")
    assert (hint.entity, hint.object_id) == ("invoice created", "31")


# --- HubSpot -------------------------------------------------------------------------------------


def test_hubspot_batch() -> None:
    """A batch gives a hint for each event, except for what our own app changed."""
    app = {"changeSource": "INTEGRATION", "appId": 54, "sourceId": "54"}
    batch = [
        CHANGED,
        CHANGED | {"eventId": 101} | app,
        CHANGED | {"eventId": 104, "objectId": 9002} | app | {"sourceId": "99"},
        CHANGED | {"eventId": 102, "objectTypeId": "0-8", "objectId": 77},
        CHANGED | {"eventId": 103, "objectTypeId": "2-999"},
        "no event",
    ]
    found = read("hubspot", signed_hubspot(batch))
    assert [(one.entity, one.object_id) for one in found] == [
        ("invoice", "9001"),
        ("invoice", "9002"),
        ("line_item", "77"),
        ("unknown", "9001"),
    ]
    assert {one.account for one in found} == {"501"}
    assert len({one.uid for one in found}) == 4


def test_hubspot_attempts_are_one_event() -> None:
    """A later attempt counts up and is signed anew; the uid stays."""
    first = read("hubspot", signed_hubspot([CHANGED | {"attemptNumber": 0}]))
    at = NOW + timedelta(hours=2)
    again = signed_hubspot([CHANGED | {"attemptNumber": 3}], at=at)
    assert read("hubspot", again, now=at) == first


@pytest.mark.parametrize("off", [timedelta(minutes=5, seconds=1), -timedelta(minutes=6)])
def test_hubspot_too_old_or_too_new(off: timedelta) -> None:
    """Within five minutes a signature counts; beyond, somebody may have kept it."""
    assert read("hubspot", signed_hubspot([CHANGED], at=NOW - timedelta(minutes=5)))
    with pytest.raises(Forged, match="five minutes"):
        read("hubspot", signed_hubspot([CHANGED], at=NOW - off))


@pytest.mark.parametrize("stamp", ["", "now", "-1", "1e12", "9" * 400, "²"])
def test_hubspot_odd_times(stamp: str) -> None:
    """A time that is none, or is absurd, is refused before anything is computed with it."""
    headers = {"x-hubspot-request-timestamp": stamp, "x-hubspot-signature-v3": "x"}
    with pytest.raises(Forged):
        read("hubspot", delivery([CHANGED], headers))


def test_hubspot_signs_a_decoded_address() -> None:
    """HubSpot decodes a few signs of the address before it signs."""
    url = f"{HUBSPOT_URL}?to=a%3Ab%2fc%40d"
    one = signed_hubspot([CHANGED], url=url, seen=f"{HUBSPOT_URL}?to=a:b/c@d")
    assert read("hubspot", one)


def test_hubspot_signs_the_address_and_the_method() -> None:
    """The same body and signature at another address, or as another method, prove nothing."""
    one = signed_hubspot([CHANGED])
    moved = delivery(one.body, one.headers, url="https://elsewhere.example/webhooks/hubspot")
    put = Delivery("PUT", one.url, one.headers, one.query, one.body)
    for other in (moved, put):
        with pytest.raises(Forged):
            read("hubspot", other)


@pytest.mark.parametrize("change", [{"portalId": None}, {"objectId": []}, {"objectId": ""}])
def test_an_odd_event_hides_no_other(change: dict[str, Any]) -> None:
    """Portal and object must be ids; the events beside an odd one are kept."""
    found = read("hubspot", signed_hubspot([CHANGED | change, CHANGED]))
    assert [one.object_id for one in found] == ["9001"]


# --- QuickBooks ----------------------------------------------------------------------------------


def test_quickbooks_events_of_two_companies() -> None:
    """One delivery may speak of several companies; each event names its own."""
    other = CLOUD | {"id": "e-2", "intuitaccountid": "9342", "type": "qbo.creditmemo.updated.v1"}
    found = read("quickbooks", signed_quickbooks([CLOUD, other, "no event"]))
    assert found == [
        Hint("quickbooks", "9341", "e-1", "invoice", "130"),
        Hint("quickbooks", "9342", "e-2", "creditmemo", "130"),
    ]


def old(realm: str, *entities: Any) -> dict[str, Any]:
    """Return a notification in the format before 2026."""
    return {"realmId": realm, "dataChangeEvent": {"entities": list(entities)}}


def test_quickbooks_old_format() -> None:
    """The older format tells the same; its uid follows company, object, operation and time."""
    made = {"name": "Invoice", "id": "130", "operation": "Create", "lastUpdated": "2026-11-20T1"}
    body = {"eventNotifications": [old("9341", made, "odd"), old("9342", made | {"id": "7"})]}
    found = read("quickbooks", signed_quickbooks(body))
    assert [(one.account, one.entity, one.object_id) for one in found] == [
        ("9341", "invoice", "130"),
        ("9342", "invoice", "7"),
    ]
    later = {"eventNotifications": [old("9341", made | {"lastUpdated": "2026-11-20T2"})]}
    uids = {one.uid for one in [*found, *read("quickbooks", signed_quickbooks(later))]}
    assert len(uids) == 3
    assert read("quickbooks", signed_quickbooks(body)) == found


@pytest.mark.parametrize(
    "body",
    [
        {"eventNotifications": [None]},
        {"eventNotifications": [{"realmId": "1"}]},
        {"eventNotifications": [old("", {"name": "Invoice", "id": "1"})]},
        {"eventNotifications": [old("1", {"name": "Invoice"})]},
        [{"type": "qbo.invoice.created.v1"}],
        [CLOUD | {"intuitentityid": "1\udfff"}],
    ],
)
def test_quickbooks_events_without_an_id_give_nothing(body: Any) -> None:
    """What names no company or no object gives no hint, and is no reason to send it again."""
    assert read("quickbooks", signed_quickbooks(body)) == []


@pytest.mark.parametrize("body", [{}, {"eventNotifications": {}}])
def test_neither_of_the_formats_is_unreadable(body: Any) -> None:
    """An object that is no delivery of theirs is refused."""
    with pytest.raises(Unreadable):
        read("quickbooks", signed_quickbooks(body))


def test_names_and_uids_that_cannot_be_stored() -> None:
    """Signs that no database takes are kept out of a hint, and its uid still tells events apart."""
    entity = {"name": "\udfff", "id": "1", "operation": "\udfff"}
    (before,) = read("quickbooks", signed_quickbooks({"eventNotifications": [old("1", entity)]}))
    first, second = read(
        "quickbooks", signed_quickbooks([CLOUD | {"id": "\udfff"}, CLOUD | {"id": "\x00"}])
    )
    assert before.entity == "unknown"
    assert first.uid != second.uid
    assert all(one.uid.isascii() and one.uid.isprintable() for one in (before, first, second))


def test_quickbooks_event_without_an_own_id() -> None:
    """Without an id of the event, its company, object and time tell repetitions apart."""
    bare = {name: value for name, value in CLOUD.items() if name != "id"}
    first = read("quickbooks", signed_quickbooks([bare | {"time": "1"}]))
    assert read("quickbooks", signed_quickbooks([bare | {"time": "1"}])) == first
    assert read("quickbooks", signed_quickbooks([bare | {"time": "2"}]))[0].uid != first[0].uid


@pytest.mark.parametrize("system", READERS)
def test_what_is_read_fits_the_table(system: str) -> None:
    """However long the texts of an event are, its hint fits the columns."""
    long = {
        "salla": SALLA | {"event": "x" * 500},
        "daftra": {"event": "x" * 500, "id": 1},
        "hubspot": [CHANGED | {"eventId": "x" * 500}],
        "quickbooks": [CLOUD | {"id": "x" * 500, "type": f"qbo.{'x' * 500}.created"}],
    }[system]
    (hint,) = read(system, proven(system, long))
    assert len(hint.uid) <= 200
    assert len(hint.entity) <= 40
