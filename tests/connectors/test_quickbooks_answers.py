"""What QuickBooks' refusals mean, in every shape that they come in."""

import json
from collections.abc import Iterator

import pytest

from sync.connectors.quickbooks_answers import classify, is_expired
from sync.connectors.transport import Answer
from sync.errors import ErrorType, FixData, Reconnect
from sync.outcomes import Ambiguous, NotSent, Rejected
from tests.connectors.company import INVOICES, Books, books, sale

XML = (
    '<?xml version="1.0"?><IntuitResponse><Fault type="AUTHENTICATION"><Error code="{code}">'
    "<Message>message=AuthenticationFailed; errorCode={code}</Message></Error></Fault>"
    "</IntuitResponse>"
)


@pytest.fixture
def company() -> Iterator[Books]:
    """Start a company whose item and customer are known already."""
    with books() as opened:
        opened.customer()
        opened.destination.blockers(sale())
        yield opened


def fault(code: str, detail: str = "", element: str = "", message: str = "No") -> str:
    """Return the body of a refusal."""
    error = {"Message": message, "Detail": detail, "code": code, "element": element}
    return json.dumps({"Fault": {"Error": [error], "type": "ValidationFault"}})


def lower(code: str) -> str:
    """Return a refusal whose keys are in lower case, with the code in its message."""
    error = {"message": f"message=AuthenticationFailed; errorCode={code}; statusCode=401"}
    return json.dumps({"fault": {"error": [error], "type": "AUTHENTICATION"}})


def answer(body: str, status: int = 400) -> Answer:
    """Return an answer with a trace."""
    return Answer(status, {"intuit_tid": "1-abc"}, body.encode())


def kind(body: str, status: int = 400) -> ErrorType:
    """Return what a body means."""
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    return classify(answer(body, status), data).error_type


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (fault("610", "Object Not Found : Item was made inactive"), ErrorType.ITEM_INACTIVE),
        (fault("610", "Object Not Found", "ItemRef"), ErrorType.SKU_NOT_FOUND),
        (fault("610", "was made inactive", "CustomerRef"), ErrorType.CUSTOMER_INACTIVE),
        (fault("610", "Object Not Found"), ErrorType.NOT_FOUND),
        (fault("2500", element="ItemRef"), ErrorType.SKU_NOT_FOUND),
        (fault("2500", element="CustomerRef"), ErrorType.CUSTOMER_INVALID),
        (fault("2500", element="TaxCodeRef"), ErrorType.TAX_NOT_MAPPED),
        (fault("2500", element="DepositToAccountRef"), ErrorType.ACCOUNT_NOT_MAPPED),
        (fault("2500", element="ClassRef"), ErrorType.FIELD_INVALID),
        (fault("6000", "have a tax rate before you save"), ErrorType.TAX_NOT_MAPPED),
        (fault("6000", "The account period has closed"), ErrorType.PERIOD_CLOSED),
        (fault("6000", "currency of the customer"), ErrorType.CURRENCY_UNSUPPORTED),
        (fault("6000", "something new"), ErrorType.FIELD_INVALID),
        (fault("6070"), ErrorType.AMOUNT_MISMATCH),
        (fault("6140", element="DocNumber"), ErrorType.CONFLICT),
        (fault("6210"), ErrorType.CONFLICT),
        (fault("6240"), ErrorType.NAME_CONFLICT),
        (fault("6190"), ErrorType.ACCOUNT_SUSPENDED),
        (fault("5010"), ErrorType.STALE),
        (fault("003200"), ErrorType.UNAUTHORIZED),
        (fault("003100"), ErrorType.PERMISSION_DENIED),
        (fault("120"), ErrorType.PERMISSION_DENIED),
        (fault("2050", element="DocNumber"), ErrorType.FIELD_INVALID),
    ],
)
def test_each_code_has_its_meaning(body: str, expected: ErrorType) -> None:
    """By code, by the element it names, and by its text where codes are shared."""
    assert kind(body) is expected


def test_a_reason_keeps_the_trace(company: Books) -> None:
    """Intuit's support asks for it."""
    with pytest.raises(FixData) as error:
        company.source.order("9999")
    assert "intuit_tid 1-" in error.value.failure.reason


@pytest.mark.parametrize(
    ("body", "expired"),
    [
        (fault("3200"), True),
        (fault("003200"), True),
        (fault("120"), False),
        (fault("3100"), False),
        (lower("003200"), True),
        (lower("003100"), False),
        (XML.format(code="003200"), True),
        (XML.format(code="120"), False),
        ("", True),
        ("<html>", True),
    ],
)
def test_only_an_ended_token_is_renewed(body: str, expired: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Lost rights are no ended token, in whatever shape they are told."""
    assert is_expired(answer(body, 401)) is expired


@pytest.mark.parametrize("body", [lower("003200"), XML.format(code="003200"), "<html>"])
def test_a_401_in_any_shape_holds_the_connection(company: Books, body: str) -> None:
    """JSON in lower case and XML come from the gateway before the API."""
    company.odd(body, "GET", "/invoice/1", status=401, type="text/xml")
    with pytest.raises(Reconnect) as error:
        company.source.order("1")
    assert error.value.failure.error_type is ErrorType.UNAUTHORIZED


def test_a_200_that_carries_a_fault_is_rejected(company: Books) -> None:
    """The status lies, the body does not."""
    company.odd(fault("6140", element="DocNumber"))
    outcome = company.send(sale())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.error_type is ErrorType.CONFLICT
    company.odd(lower("003200"))
    outcome = company.send(sale())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.error_type is ErrorType.UNAUTHORIZED


def test_a_200_with_a_fault_refuses_a_read(company: Books) -> None:
    """It is no document without fields."""
    company.odd(fault("610"), "GET", "/invoice/1")
    with pytest.raises(FixData) as error:
        company.source.order("1")
    assert error.value.failure.error_type is ErrorType.NOT_FOUND


@pytest.mark.parametrize(
    "body", ['{"Invoice": {}}', "{}", "[]", "<html>", '{"Invoice": {"Id": ""}}']
)
def test_a_200_without_an_id_leaves_the_outcome_unknown(company: Books, body: str) -> None:
    """Only a look-up can tell."""
    company.odd(body)
    assert isinstance(company.send(sale()), Ambiguous)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_passing_trouble_leaves_the_outcome_unknown(company: Books, status: int) -> None:
    """QuickBooks may have stored what it did not answer."""
    company.fault(method="POST", path=INVOICES, fault="status", status=status)
    assert isinstance(company.send(sale()), Ambiguous)


def test_a_throttled_create_was_not_sent(company: Books) -> None:
    """429 proves that nothing was done."""
    company.fault(method="POST", path=INVOICES, fault="status", status=429)
    assert isinstance(company.send(sale()), NotSent)
    assert not company.booked()


def test_an_ended_subscription_holds_the_lane(company: Books) -> None:
    """6190 is about the company, not about the document."""
    company.company.suspended = True
    outcome = company.send(sale())
    assert isinstance(outcome, Rejected)
    assert outcome.failure.error_type is ErrorType.ACCOUNT_SUSPENDED
