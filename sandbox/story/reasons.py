"""What our app would say of documents that HubSpot and QuickBooks stop: type, key, whole reason."""

from sandbox.pasts import Stop
from sandbox.quickbooks.company import LONGEST_ADDRESS
from sandbox.story.books import SAYS_NOTHING
from sandbox.story.people import PASTED

TRACE = " (intuit_tid 1-691f3c50-4d2ab7e85c1f0a936be2d817)"


def no_email(name: str, customer: str) -> Stop:
    """Return what stops a sale to somebody without an e-mail; `customer` is the source's id."""
    key = f"{name} ({customer})"
    return Stop("customer_email_missing", key, f"{name} has no email", customer)


def no_tax(percent: str) -> Stop:
    """Return what stops a sale that is taxed as the company taxes nothing."""
    return Stop("tax_not_mapped", percent, f"No active tax code of {percent} % in QuickBooks")


def closed(until: str, issued: str) -> Stop:
    """Return what stops a sale of a month whose books are closed; both days are ISO 8601."""
    reason = f"The books are closed until {until}, the document is of {issued}"
    return Stop("period_closed", until, reason)


def number_taken(number: str, transaction: str) -> Stop:
    """Return what stops a sale whose number another transaction has."""
    error = "Duplicate Document Number Error"
    said = f"{error}: {error} : DocNumber={number} TxnId={transaction}"
    return Stop("conflict", number, f"QuickBooks: {said}{TRACE}")


def long_address() -> Stop:
    """Return what stops a sale to somebody whose address is longer than a line may be."""
    rule = "String length is either shorter or longer than supported by specification"
    name = "BillAddr.Line1"
    said = f"{rule}: {rule} : {name} takes {LONGEST_ADDRESS}, not {len(PASTED)}"
    return Stop("field_invalid", name, f"QuickBooks: {said}{TRACE}")


def says_nothing() -> Stop:
    """Return what stops a sale with a text that tells no reason."""
    return Stop("unknown", "400", f"QuickBooks: {SAYS_NOTHING}{TRACE}")
