"""What QuickBooks' refusals mean (guide, section 4): three shapes of a Fault, one table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sync.connectors.transport import Answer
from sync.errors import ErrorType, Failure

EXPIRED, OTHER_COMPANY = "3200", "3100"
_CODE = re.compile(r"(?i)(?:errorcode=|code=[\"']?|<errorcode>)\s*0*(\d+)")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TAX = re.compile(r"\b(tax|gst|hst|vat|tax rate)\b")
SHOWN = 300
ELSEWHERE = ". Was it connected to another company, or to a sandbox one?"

_BY_CODE = {
    "3200": ErrorType.UNAUTHORIZED,
    "3100": ErrorType.PERMISSION_DENIED,
    "120": ErrorType.PERMISSION_DENIED,
    "6190": ErrorType.ACCOUNT_SUSPENDED,
    "6140": ErrorType.CONFLICT,
    "3001": ErrorType.RATE_LIMITED,
    "3002": ErrorType.RATE_LIMITED,
    "10000": ErrorType.DESTINATION_DOWN,
    "6240": ErrorType.NAME_CONFLICT,
    "6070": ErrorType.AMOUNT_MISMATCH,
    "5010": ErrorType.STALE,
}
_BY_STATUS: Mapping[int, ErrorType] = {
    HTTPStatus.UNAUTHORIZED: ErrorType.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN: ErrorType.PERMISSION_DENIED,
    HTTPStatus.NOT_FOUND: ErrorType.NOT_FOUND,
}
_BY_ELEMENT = {
    "ItemRef": ErrorType.SKU_NOT_FOUND,
    "CustomerRef": ErrorType.CUSTOMER_INVALID,
    "TaxCodeRef": ErrorType.TAX_NOT_MAPPED,
    "DepositToAccountRef": ErrorType.ACCOUNT_NOT_MAPPED,
    "IncomeAccountRef": ErrorType.ACCOUNT_NOT_MAPPED,
}
_INACTIVE = {
    ErrorType.SKU_NOT_FOUND: ErrorType.ITEM_INACTIVE,
    ErrorType.CUSTOMER_INVALID: ErrorType.CUSTOMER_INACTIVE,
}

_NAMED = re.compile(r"(?i)\b(item|customer|name|account|taxcode)s?\b (?:element )?(?:id )?\w*\d")
_REFERS = {
    "item": "ItemRef",
    "customer": "CustomerRef",
    "name": "CustomerRef",
    "account": "DepositToAccountRef",
    "taxcode": "TaxCodeRef",
}
"""What the text of a 2500 calls the objects that fields refer to, where it names no field."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of an answer: its code without leading zeros, the texts, and which field."""

    code: str
    message: str
    detail: str
    element: str

    @property
    def field(self) -> str:
        """The field itself, without the path to it."""
        return self.element.rpartition(".")[2]

    @property
    def said(self) -> str:
        """Message and detail, without repeating one in the other."""
        return self.message if self.detail in self.message else f"{self.message}: {self.detail}"


def fault_of(answer: Answer, data: Any) -> Fault | None:
    """Return the first error of an answer: JSON in either spelling of its keys, or XML."""
    if isinstance(data, dict):
        lowered = _lowered(data)
        fault = lowered.get("fault")
        errors = fault.get("error") if isinstance(fault, dict) else None
        first = errors[0] if isinstance(errors, list) and errors else None
        if isinstance(first, dict):
            return _fault(first)
        return None
    text = answer.text
    if "<Fault" in text or "<IntuitResponse" in text:
        message = re.search(r"<Message>(.*?)</Message>", text, re.DOTALL)
        code = re.search(r"code=\"0*(\d+)\"", text) or _CODE.search(text)
        said = message[1] if message else text[:SHOWN]
        return Fault(code[1] if code else "", said, "", "")
    return None


def classify(answer: Answer, data: Any) -> Failure:
    """Turn a refusal into a failure; the trace id stays in the reason for Intuit's support."""
    fault = fault_of(answer, data)
    trace = answer.headers.get("intuit_tid")
    tail = f" (intuit_tid {trace})" if trace else ""
    if fault is None:
        kind = _BY_STATUS.get(answer.status, ErrorType.UNKNOWN)
        return Failure(kind, str(answer.status), f"QuickBooks: {answer.text[:SHOWN]}{tail}")
    kind = _kind(fault, answer.status)
    hint = ELSEWHERE if fault.code == OTHER_COMPANY else ""
    return Failure(kind, _key(kind, fault, answer.status), f"QuickBooks: {fault.said}{hint}{tail}")


def _key(kind: ErrorType, fault: Fault, status: int) -> str:
    """Return the cause's key: which field it is about, or until when the books are closed."""
    if kind is ErrorType.PERIOD_CLOSED:
        day = _DAY.search(fault.said)
        return day[0] if day else "date"
    if kind is ErrorType.CONFLICT:
        return "DocNumber"
    return fault.element or fault.code or str(status)


def is_expired(answer: Answer) -> bool:
    """Return whether a 401 means that the token has ended: lost rights (120) are no such thing."""
    try:
        data = answer.data()
    except ValueError:
        data = None
    fault = fault_of(answer, data)
    return fault is None or fault.code in {EXPIRED, ""}


def _kind(fault: Fault, status: int) -> ErrorType:
    known = _BY_CODE.get(fault.code)
    if known:
        return known
    match fault.code:
        case "610":
            return _missing(fault)
        case "2500":
            return _BY_ELEMENT.get(fault.field or _referred(fault), ErrorType.FIELD_INVALID)
        case "6000" | "6210" | "6430" | "6540":
            return _by_text(fault)
        case _ if fault.code:
            return ErrorType.FIELD_INVALID
        case _:
            return _BY_STATUS.get(status, ErrorType.UNKNOWN)


def _missing(fault: Fault) -> ErrorType:
    """Tell what a 610 is about: something referred to, or the object that was asked for.

    The usual text lists everything that might have become inactive, which names nothing.
    """
    said = fault.detail.lower()
    is_item = "item" in said and "customer" not in said
    kind = _BY_ELEMENT.get(fault.field or ("ItemRef" if is_item else ""), ErrorType.NOT_FOUND)
    return _INACTIVE.get(kind, kind) if "inactive" in said else kind


def _referred(fault: Fault) -> str:
    found = _NAMED.search(fault.detail)
    return _REFERS[found[1].lower()] if found else ""


def _by_text(fault: Fault) -> ErrorType:
    """Tell business rules, which share codes, apart by their texts (guide, section 4)."""
    said = fault.said.lower()
    if "closed" in said or "account period" in said:
        return ErrorType.PERIOD_CLOSED
    if "currency" in said:
        return ErrorType.CURRENCY_UNSUPPORTED
    if _TAX.search(said):
        return ErrorType.TAX_NOT_MAPPED
    if "amount" in said:
        return ErrorType.AMOUNT_MISMATCH
    return ErrorType.CONFLICT if fault.code == "6210" else ErrorType.FIELD_INVALID


def _fault(first: dict[str, Any]) -> Fault:
    message, detail = str(first.get("message") or ""), str(first.get("detail") or "")
    code = str(first.get("code") or "").lstrip("0")
    if not code:
        found = _CODE.search(message)
        code = found[1] if found else ""
    return Fault(code, message, detail, str(first.get("element") or ""))


def _lowered(value: Any) -> Any:
    """Return a parsed answer with every key in lower case: some 401s come so."""
    if isinstance(value, dict):
        return {str(key).lower(): _lowered(one) for key, one in value.items()}
    return [_lowered(one) for one in value] if isinstance(value, list) else value
