"""What the systems' webhooks say, believed only where it is proven, and only as a hint.

Each function takes the raw body as it came, for a signature is over bytes, and gives hints: which
object of which account may have changed. The object itself is always read again through the API.
Sources: the guides' webhook sections; signatures are compared in constant time.
"""

import base64
import hashlib
import hmac
import json
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
DECODED = {"%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'"}
"""What HubSpot decodes in the address before it signs; a query's own `?` stays as it is."""

LONGEST = 100
"""The longest id that is kept; a longer one is no id of theirs."""


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
    """One request as it came: header names in lower case, `url` the public address in full."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


Read = Callable[[Delivery, Sequence[str], datetime], list[Hint]]
"""Verifies with any of the secrets and reads. Raises Forged or Unreadable."""


def salla(delivery: Delivery, secrets: Sequence[str], _now: datetime) -> list[Hint]:
    """Read a Salla event: signed (hex HMAC-SHA256) or with the secret itself as the token."""
    strategy = delivery.headers.get("x-salla-security-strategy", "").strip().lower()
    signature = delivery.headers.get("x-salla-signature", "").strip().lower()
    given = delivery.headers.get("authorization", "").strip()
    if strategy == "signature" or (not strategy and signature):
        proven = any(
            _same(signature.removeprefix("sha256="), _hexed(secret, delivery.body))
            for secret in secrets
        )
    elif strategy == "token" or given:
        proven = any(_same(given.removeprefix("Bearer ").strip(), one) for one in secrets)
    else:
        raise Forged("the delivery carries neither a signature nor a token")
    if not proven:
        raise Forged("the signature or token is not ours")
    event = _object(delivery.body)
    data = event.get("data")
    number = data.get("id") if isinstance(data, dict) else None
    name = str(event.get("event", ""))
    entity = name.partition(".")[0] or "unknown"
    uid = hashlib.sha256(delivery.body).hexdigest()
    return [Hint("salla", _id(event.get("merchant")), uid, entity, _id(number))]


def daftra(delivery: Delivery, secrets: Sequence[str], _now: datetime) -> list[Hint]:
    """Read a Daftra event: unsigned, so the secret stands in the address (`?key=`)."""
    given = delivery.query.get("key", "")
    if not any(_same(given, secret) for secret in secrets):
        raise Forged("the address carries no key of ours")
    event = _object(delivery.body)
    data = event.get("data") if isinstance(event.get("data"), dict) else event
    number = data.get("id") if isinstance(data, dict) else None
    name = str(event.get("event") or event.get("action") or "unknown")[:40].casefold()
    uid = hashlib.sha256(delivery.body).hexdigest()
    return [Hint("daftra", "", uid, name, _id(number))]


def hubspot(delivery: Delivery, secrets: Sequence[str], now: datetime) -> list[Hint]:
    """Read HubSpot's batch of events: signature v3 over method, address, body and time."""
    stamp = delivery.headers.get("x-hubspot-request-timestamp", "")
    given = delivery.headers.get("x-hubspot-signature-v3", "")
    if not stamp.isdecimal() or not given:
        raise Forged("the delivery carries no signature v3")
    age = now.timestamp() - int(stamp[:16]) / 1000
    if abs(age) > SKEW.total_seconds():
        raise Forged("the delivery is older than five minutes")
    signed = f"{delivery.method}{_decoded(delivery.url)}".encode() + delivery.body + stamp.encode()
    if not any(_same(given, _based(secret, signed)) for secret in secrets):
        raise Forged("the signature is not ours")
    return [hint for event in _list(delivery.body) if (hint := _hubspot_hint(event))]


def quickbooks(delivery: Delivery, secrets: Sequence[str], _now: datetime) -> list[Hint]:
    """Read QuickBooks' events in either format; one delivery may speak of several companies."""
    given = delivery.headers.get("intuit-signature", "")
    if not any(_same(given, _based(secret, delivery.body)) for secret in secrets):
        raise Forged("the signature is not ours" if given else "the delivery carries no signature")
    data = _parsed(delivery.body)
    if isinstance(data, list):
        return [_cloud_hint(event) for event in data if isinstance(event, dict)]
    if isinstance(data, dict) and isinstance(data.get("eventNotifications"), list):
        return [hint for one in data["eventNotifications"] for hint in _old_hints(one)]
    raise Unreadable("neither a list of events nor eventNotifications")


READERS: Mapping[str, Read] = {
    "salla": salla,
    "daftra": daftra,
    "hubspot": hubspot,
    "quickbooks": quickbooks,
}


def _hubspot_hint(event: Any) -> Hint | None:
    """Return the event's hint; None for what an app changed through the API: it may be us."""
    if not isinstance(event, dict) or event.get("changeSource") == "INTEGRATION":
        return None
    account = _id(event.get("portalId"))
    uid = f"{account}:{event.get('eventId')}:{event.get('subscriptionId')}"
    entity = HUBSPOT_TYPES.get(str(event.get("objectTypeId")), "unknown")
    return Hint("hubspot", account, uid[:200], entity, _id(event.get("objectId")))


def _cloud_hint(event: dict[str, Any]) -> Hint:
    parts = str(event.get("type", "")).split(".")
    entity = parts[1] if len(parts) > 1 else "unknown"
    account, number = _id(event.get("intuitaccountid")), _id(event.get("intuitentityid"))
    uid = str(event.get("id") or f"{account}:{entity}:{number}:{event.get('time')}")
    return Hint("quickbooks", account, uid[:200], entity[:40], number)


def _old_hints(told: Any) -> list[Hint]:
    change = told.get("dataChangeEvent") if isinstance(told, dict) else None
    entities = change.get("entities") if isinstance(change, dict) else None
    if not isinstance(entities, list):
        raise Unreadable("an eventNotification without entities")
    account = _id(told.get("realmId"))
    found = []
    for one in entities:
        if isinstance(one, dict):
            name, number = str(one.get("name", "")).lower(), _id(one.get("id"))
            said = f"{account}:{name}:{number}:{one.get('operation')}:{one.get('lastUpdated')}"
            uid = hashlib.sha256(said.encode()).hexdigest()
            found.append(Hint("quickbooks", account, uid, name[:40], number))
    return found


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


def _id(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).strip():
        raise Unreadable("an event without the id of its object or its account")
    text = str(value).strip()
    if len(text) > LONGEST:
        raise Unreadable("an id that is too long to be one")
    return text


def _decoded(url: str) -> str:
    for code, plain in DECODED.items():
        url = url.replace(code, plain).replace(code.lower(), plain)
    return url


def _hexed(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _based(secret: str, signed: bytes) -> str:
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _same(given: str, wanted: str) -> bool:
    """Compare in constant time; nothing is never the same as nothing."""
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())
