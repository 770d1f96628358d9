"""What the systems' webhooks say, believed only where it is proven, and only as a hint.

Each function takes the raw body as it came, for a signature is over bytes, and gives hints: which
object of which account may have changed. The object itself is always read again through the API.
Sources: the guides' webhook sections; signatures are compared in constant time.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

SKEW = timedelta(minutes=5)
"""How old a signed request of HubSpot may be."""

HUBSPOT_TYPES = {
    "0-53": "invoice",
    "0-8": "line_item",
    "0-7": "product",
    "0-1": "contact",
    "0-123": "order",
}
DECODED = {f"%{ord(plain):02X}": plain for plain in ":/?@!$'()*,;"}
"""What HubSpot decodes in the address before it signs (its page on request validation)."""

_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_NAME = re.compile(r"[a-z0-9_ -]{1,40}")
_UID = re.compile(r"[!-~]{1,200}")
_STAMP = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Hint:
    """An event: `uid` is the same when it is delivered again; `entity` as `Source.hinted` takes."""

    system: str
    account: str
    uid: str
    entity: str
    object_id: str


class Forged(Exception):
    """Nothing proves that the system sent this; the text says what is missing."""


class Unreadable(Exception):
    """The system sent it, and it is not what its guide describes."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came: header names in lower case, `url` the public address in full.

    `account` is that of the connection which the address names, where it names one.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    account: str = ""


Read = Callable[[Delivery, Sequence[str], datetime], list[Hint]]
"""Verifies with any of the secrets and reads. Raises Forged or Unreadable."""


def salla(delivery: Delivery, secrets: Sequence[str], _now: datetime) -> list[Hint]:
    """Read a Salla event: signed (hex HMAC-SHA256) or with the secret itself as the token."""
    if not _proven_by_salla(delivery, secrets):
        raise Forged("the signature or token is not ours")
    event = _object(delivery.body)
    data = event.get("data")
    number = data.get("id") if isinstance(data, dict) else None
    entity = _text(event.get("event")).partition(".")[0]
    uid = hashlib.sha256(delivery.body).hexdigest()
    return _hints("salla", event.get("merchant"), uid, entity, number)


def _proven_by_salla(delivery: Delivery, secrets: Sequence[str]) -> bool:
    strategy = delivery.headers.get("x-salla-security-strategy", "").strip().lower()
    signature = delivery.headers.get("x-salla-signature", "").strip().lower()
    token = delivery.headers.get("authorization", "").strip()
    if strategy == "signature" or (not strategy and signature):
        signed = signature.removeprefix("sha256=")
        return any(_same(signed, _hexed(secret, delivery.body)) for secret in secrets)
    if not token:
        raise Forged("the delivery carries neither a signature nor a token")
    return any(_same(token.removeprefix("Bearer ").strip(), secret) for secret in secrets)


def daftra(delivery: Delivery, secrets: Sequence[str], _now: datetime) -> list[Hint]:
    """Read a Daftra event: unsigned, so the secret stands in the address (`?key=`).

    It names no account either: it is of the one whose connection the address names.
    """
    given = delivery.query.get("key", "")
    if not any(_same(given, secret) for secret in secrets):
        raise Forged("the address carries no key of ours")
    event = _object(delivery.body)
    data = event.get("data")
    number = (data if isinstance(data, dict) else event).get("id")
    name = _text(event.get("event")) or _text(event.get("action"))
    uid = _hashed(delivery.account, delivery.body.hex())
    return _hints("daftra", delivery.account, uid, name, number)


def hubspot(delivery: Delivery, secrets: Sequence[str], now: datetime) -> list[Hint]:
    """Read HubSpot's batch of events: signature v3 over method, address, body and time (ms)."""
    stamp = delivery.headers.get("x-hubspot-request-timestamp", "")
    given = delivery.headers.get("x-hubspot-signature-v3", "")
    if not _STAMP.fullmatch(stamp) or not given:
        raise Forged("the delivery carries no signature v3")
    if abs(now.timestamp() - int(stamp) / 1000) > SKEW.total_seconds():
        raise Forged("the delivery is not from the last five minutes")
    signed = f"{delivery.method}{_decoded(delivery.url)}".encode() + delivery.body + stamp.encode()
    if not any(_same(given, _based(secret, signed)) for secret in secrets):
        raise Forged("the signature is not ours")
    return [hint for event in _list(delivery.body) for hint in _told_by_hubspot(event)]


def quickbooks(delivery: Delivery, secrets: Sequence[str], _now: datetime) -> list[Hint]:
    """Read QuickBooks' events in either format; one delivery may speak of several companies."""
    given = delivery.headers.get("intuit-signature", "")
    if not any(_same(given, _based(secret, delivery.body)) for secret in secrets):
        raise Forged("the signature is not ours" if given else "the delivery carries no signature")
    data = _parsed(delivery.body)
    if isinstance(data, list):
        return [hint for event in data for hint in _told_in_cloud_events(event)]
    if isinstance(data, dict) and isinstance(data.get("eventNotifications"), list):
        return [hint for told in data["eventNotifications"] for hint in _told_before(told)]
    raise Unreadable("neither a list of events nor eventNotifications")


READERS: Mapping[str, Read] = {
    "salla": salla,
    "daftra": daftra,
    "hubspot": hubspot,
    "quickbooks": quickbooks,
}


def _told_by_hubspot(event: Any) -> list[Hint]:
    """Return the event's hint, but none of what our own app changed: it would come back to us."""
    if not isinstance(event, dict) or _ours(event):
        return []
    account, number = event.get("portalId"), event.get("objectId")
    once = _text(event.get("eventId")) or _hashed(number, event.get("occurredAt"))
    uid = f"{_text(account)}:{once}:{_text(event.get('subscriptionId'))}"
    entity = HUBSPOT_TYPES.get(_text(event.get("objectTypeId")), "")
    return _hints("hubspot", account, uid, entity, number)


def _ours(event: Mapping[str, Any]) -> bool:
    """Return whether the app that subscribed (`appId`) is the one that made the change."""
    made_by_app = event.get("changeSource") == "INTEGRATION"
    return made_by_app and _text(event.get("sourceId")) == _text(event.get("appId"))


def _told_in_cloud_events(event: Any) -> list[Hint]:
    """Return the hint of one event of the format since 2026: `qbo.invoice.updated.v1`."""
    if not isinstance(event, dict):
        return []
    account, number = event.get("intuitaccountid"), event.get("intuitentityid")
    _, _, rest = _text(event.get("type")).partition(".")
    entity = rest.partition(".")[0]
    uid = _text(event.get("id")) or _hashed(account, entity, number, event.get("time"))
    return _hints("quickbooks", account, uid, entity, number)


def _told_before(told: Any) -> list[Hint]:
    """Return the hints of one company in the format before 2026, whose changes bear no id."""
    change = told.get("dataChangeEvent") if isinstance(told, dict) else None
    entities = change.get("entities") if isinstance(change, dict) else None
    if not isinstance(entities, list):
        return []
    account, found = told.get("realmId"), []
    for one in entities:
        if isinstance(one, dict):
            name, number = _text(one.get("name")), one.get("id")
            uid = _hashed(account, name, number, one.get("operation"), one.get("lastUpdated"))
            found += _hints("quickbooks", account, uid, name, number)
    return found


def _hints(system: str, account: Any, uid: str, entity: str, object_id: Any) -> list[Hint]:
    """Return the hint, or none where ids are missing or odd: others beside it must not suffer."""
    whose, about, name = _id(account), _id(object_id), entity.lower()
    if not (whose and about):
        return []
    if not _UID.fullmatch(uid):
        uid = _hashed(uid)
    return [Hint(system, whose, uid, name if _NAME.fullmatch(name) else "unknown", about)]


def _id(value: Any) -> str:
    """Return an id as text; nothing for what can be none."""
    text = "" if isinstance(value, bool) else _text(value).strip()
    return text if _ID.fullmatch(text) else ""


def _text(value: object) -> str:
    """Return a text or a number as text, nothing for what nests: writing it out could go deep."""
    return str(value) if isinstance(value, int | str) else ""


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("the body is no JSON") from None


def _object(body: bytes) -> dict[str, Any]:
    data = _parsed(body)
    if not isinstance(data, dict):
        raise Unreadable("the body is no JSON object")
    return data


def _list(body: bytes) -> list[Any]:
    data = _parsed(body)
    if not isinstance(data, list):
        raise Unreadable("the body is no list of events")
    return data


def _decoded(url: str) -> str:
    for code, plain in DECODED.items():
        url = url.replace(code, plain).replace(code.lower(), plain)
    return url


def _hashed(*parts: object) -> str:
    return hashlib.sha256(json.dumps([_text(part) for part in parts]).encode()).hexdigest()


def _hexed(secret: str, body: bytes) -> str:
    return _digest(secret, body).hex()


def _based(secret: str, signed: bytes) -> str:
    return base64.b64encode(_digest(secret, signed)).decode()


def _digest(secret: str, signed: bytes) -> bytes:
    """Return the HMAC; none under an empty secret, which anybody could sign with."""
    return hmac.digest(secret.encode(), signed, "sha256") if secret else b""


def _same(given: str, wanted: str) -> bool:
    """Compare in constant time; nothing is never the same as nothing."""
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())
