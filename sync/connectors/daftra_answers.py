"""How Daftra's answers are read: wrapped rows, our key in a document, and what a refusal means."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from sync.connectors.fields import Fields
from sync.connectors.transport import Answer
from sync.errors import ErrorType, Failure

FIELD = "invsync_key"
KEY_START = "v1:"
BY_FIELD = {
    "client_email": ErrorType.CUSTOMER_EMAIL_MISSING,
    "email": ErrorType.CUSTOMER_EMAIL_MISSING,
    "product_id": ErrorType.SKU_NOT_FOUND,
    "client_id": ErrorType.CUSTOMER_INVALID,
    "no": ErrorType.CONFLICT,
    "currency_code": ErrorType.CURRENCY_UNSUPPORTED,
    "tax1": ErrorType.TAX_NOT_MAPPED,
    "tax2": ErrorType.TAX_NOT_MAPPED,
}
REFUSALS: dict[int, ErrorType] = {
    HTTPStatus.UNAUTHORIZED: ErrorType.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: ErrorType.PERMISSION_DENIED,
}
INACTIVE_WORDS = ("inactive", "not active", "suspended", "غير نشط", "موقوف")
PERIOD_WORDS = ("closed period", "financial period", "فترة مالية", "الفترة المالية")


def rows_of(data: dict[str, Any], model: str) -> Iterator[Fields]:
    """Yield the rows of a list, out of the model's name or bare."""
    for row in Fields(f"Daftra's {model} list", data).each("data"):
        wrapped = row.raw(model)
        yield Fields(f"Daftra's {model}", wrapped) if isinstance(wrapped, dict) else row


def key_in(document: Fields) -> str | None:
    """Return the key of ours in a document: in its custom field, or a line of its notes."""
    fields = document.raw("InvoiceCustomField")
    for one in fields if isinstance(fields, list) else [fields]:
        if isinstance(one, dict) and one.get("label") == FIELD and one.get("value"):
            return str(one["value"])
    notes = document.raw("notes")
    lines = notes.splitlines() if isinstance(notes, str) else []
    return next((line.strip() for line in lines if line.strip().startswith(KEY_START)), None)


def classify(answer: Answer, data: Any) -> Failure:
    """Turn a refusal into a failure (Daftra guide, section 4); unknown texts are kept whole."""
    body = data if isinstance(data, dict) else {}
    errors = body.get("validation_errors") or body.get("errors")
    named = flat(errors)
    message = str(body.get("message") or answer.text.strip() or f"status {answer.status}")
    said = "Daftra: " + (
        "; ".join(f"{name}: {why}" for name, why in named.items()) if named else message
    )
    if answer.status in REFUSALS:
        return Failure(REFUSALS[answer.status], "daftra", said)
    if any(word in said.lower() for word in PERIOD_WORDS):
        return Failure(ErrorType.PERIOD_CLOSED, next(iter(named), "date"), said)
    for name, why in named.items():
        kind = BY_FIELD.get(name.rsplit(".", 1)[-1], ErrorType.FIELD_INVALID)
        if kind is ErrorType.SKU_NOT_FOUND and any(word in why.lower() for word in INACTIVE_WORDS):
            kind = ErrorType.ITEM_INACTIVE
        return Failure(kind, f"{name}: {why}" if kind is ErrorType.FIELD_INVALID else name, said)
    if answer.status == HTTPStatus.NOT_FOUND:
        return Failure(ErrorType.NOT_FOUND, "daftra", said)
    return Failure(ErrorType.UNKNOWN, str(answer.status), said)


def flat(errors: Any, above: str = "") -> dict[str, str]:
    """Return validation errors as field -> text, whatever they are nested in."""
    if isinstance(errors, dict):
        found: dict[str, str] = {}
        for name, inner in errors.items():
            found |= flat(inner, f"{above}.{name}" if above else str(name))
        return found
    if isinstance(errors, list):
        texts = [str(one) for one in errors if not isinstance(one, dict | list)]
        found = {above: "; ".join(texts)} if texts and above else {}
        for position, one in enumerate(errors):
            if isinstance(one, dict | list):
                found |= flat(one, f"{above}.{position}" if above else str(position))
        return found
    return {above: str(errors)} if above and errors else {}
