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
SHOWN = 300

_BY_CODE = {
    "3200": ErrorType.UNAUTHORIZED,
    "3100": ErrorType.PERMISSION_DENIED,
    "120": ErrorType.PERMISSION_DENIED,
    "6190": ErrorType.ACCOUNT_SUSPENDED,
    "6140": ErrorType.CONFLICT,
    "6210": ErrorType.CONFLICT,
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


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of an answer: its code without leading zeros, the texts, and which field."""

    code: str
    message: str
    detail: str
    element: str

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
    if fault.code == OTHER_COMPANY:
        tail = f". Was it connected to another company, or to a sandbox one?{tail}"
    key = fault.element or fault.code or str(answer.status)
    return Failure(kind, key, f"QuickBooks: {fault.said}{tail}")


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
        case "610" if fault.element in _BY_ELEMENT or "item" in fault.detail.lower():
            inactive = "inactive" in fault.detail.lower()
            item = ErrorType.ITEM_INACTIVE if inactive else ErrorType.SKU_NOT_FOUND
            kind = _BY_ELEMENT.get(fault.element, ErrorType.SKU_NOT_FOUND)
            if kind is ErrorType.SKU_NOT_FOUND:
                return item
            return ErrorType.CUSTOMER_INACTIVE if inactive else kind
        case "610":
            return ErrorType.NOT_FOUND
        case "2500":
            return _BY_ELEMENT.get(fault.element, ErrorType.FIELD_INVALID)
        case "6000" | "6430" | "6540":
            return _by_text(fault.said.lower())
        case _ if fault.code:
            return ErrorType.FIELD_INVALID
        case _:
            return _BY_STATUS.get(status, ErrorType.UNKNOWN)


def _by_text(said: str) -> ErrorType:
    """Tell business rules, which share codes, apart by their texts (guide, section 4)."""
    if "closed" in said or "account period" in said:
        return ErrorType.PERIOD_CLOSED
    if "currency" in said:
        return ErrorType.CURRENCY_UNSUPPORTED
    if "tax" in said:
        return ErrorType.TAX_NOT_MAPPED
    if "amount" in said:
        return ErrorType.AMOUNT_MISMATCH
    return ErrorType.FIELD_INVALID


def _fault(first: dict[str, Any]) -> Fault:
    message, detail = str(first.get("message", "")), str(first.get("detail", ""))
    code = str(first.get("code", "")).lstrip("0")
    if not code:
        found = _CODE.search(message)
        code = found[1] if found else ""
    return Fault(code, message, detail, str(first.get("element", "")))


def _lowered(value: Any) -> Any:
    """Return a parsed answer with every key in lower case: some 401s come so."""
    if isinstance(value, dict):
        return {str(key).lower(): _lowered(one) for key, one in value.items()}
    return [_lowered(one) for one in value] if isinstance(value, list) else value
