"""A company's books: JSON objects by entity, and the rules that QuickBooks applies on saving.

Objects keep the API's own shapes. Totals are made here (guide, section 3): taxes are rounded once
for each rate on the sum of its lines.
"""

import copy
import itertools
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from sandbox.money import cents

REALM = "310687"
TOKEN = "quickbooks-sandbox-token"  # noqa: S105 - of the sandbox only
TRANSACTIONS = ("Invoice", "CreditMemo", "RefundReceipt")
NAMES = {"Customer": "DisplayName", "Vendor": "DisplayName", "Item": "Name"}
ENTITIES = (*TRANSACTIONS, *NAMES, "Account", "TaxCode", "TaxRate")
SHIPPING = "SHIPPING_ITEM_ID"
LONGEST_NUMBER, LONGEST_NAME, LONGEST_ADDRESS = 21, 100, 500
SALES = "79"
"""The id of the income account that every company has from the start."""

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
PACIFIC = timezone(timedelta(hours=-8))
Row = dict[str, Any]


class Fault(Exception):
    """A refusal: Intuit's code, its texts, and the HTTP status it comes with."""

    def __init__(
        self,
        code: str,
        message: str,
        detail: str = "",
        *,
        element: str | None = None,
        status: int = 400,
        kind: str = "ValidationFault",
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.detail = code, message, detail or message
        self.element, self.status, self.kind = element, status, kind

    @property
    def body(self) -> Row:
        """The answer's body."""
        error = {"Message": self.message, "Detail": self.detail, "code": self.code}
        if self.element:
            error["element"] = self.element
        return {"Fault": {"Error": [error], "type": self.kind}, "time": stamp()}


def stamp(at: datetime | None = None) -> str:
    """Return an instant as QuickBooks writes it: with the Pacific offset."""
    return (at or datetime.now(UTC)).astimezone(PACIFIC).isoformat(timespec="milliseconds")


@dataclass
class Company:
    """One company; `told` hears of every change (entity, id, operation).

    `refusals` are texts without a code that sales of an item (by its id) get.
    """

    realm: str = REALM
    name: str = "Acme Trading"
    country: str = "US"
    currency: str = "USD"
    tax_percent: Decimal = Decimal(8)
    warns_duplicates: bool = True
    custom_numbers: bool = True
    allows_shipping: bool = True
    allows_discount: bool = True
    suspended: bool = False
    limited: bool = False
    closed_before: str = ""
    refusals: dict[str, str] = field(default_factory=dict)
    rows: dict[str, dict[str, Row]] = field(default_factory=lambda: {e: {} for e in ENTITIES})
    deleted: list[Row] = field(default_factory=list)
    replays: dict[str, Row] = field(default_factory=dict)
    creates: list[Row] = field(default_factory=list)
    told: Callable[[str, str, str], None] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    _ids: Any = field(default_factory=lambda: itertools.count(100))

    def __post_init__(self) -> None:
        """Open the account that sales are booked on."""
        kind = {"AccountType": "Income", "AccountSubType": "SalesOfProductIncome"}
        self.add("Account", Id=SALES, Name="Sales of Product Income", Active=True, **kind)

    def add(self, entity: str, **values: Any) -> Row:
        """Put an object into the books as it is: for seeds; returns it with its id."""
        return self._store(entity, self._new(entity, values), "Add")

    def get(self, entity: str, number: str) -> Row:
        """Return one object. Raises Fault 610."""
        found = self.rows[entity].get(number)
        if found is None:
            raise Fault("610", "Object Not Found", f"Object Not Found : {entity} {number}")
        return found

    def save(self, entity: str, body: Row, request_id: str | None = None) -> Row:
        """Create, or update where the body has an Id; a known `request_id` replays its answer."""
        with self.lock:
            if request_id and request_id in self.replays:
                return self.replays[request_id]
            if self.suspended:
                raise Fault("6190", "Invalid Company Status", "Subscription period has ended")
            known = self.get(entity, str(body["Id"])) if body.get("Id") else None
            row = self._merged(known, body) if known else self._new(entity, body)
            self._check(entity, row)
            saved = copy.deepcopy(self._store(entity, row, "Update" if known else "Create"))
            if not known and entity in TRANSACTIONS:
                self._enter(entity, saved, request_id)
            if request_id:
                self.replays[request_id] = saved
            return saved

    def void(self, number: str) -> Row:
        """Void an invoice: its amounts become zero, its lines stay without them."""
        row = copy.deepcopy(self.get("Invoice", number))
        for line in row["Line"]:
            line["Amount"] = 0
            line.get("SalesItemLineDetail", {}).update({"UnitPrice": 0, "Qty": 0})
        row |= {"TotalAmt": 0, "Balance": 0, "TxnTaxDetail": {"TotalTax": 0}}
        row["PrivateNote"] = f"Voided\n{row.get('PrivateNote', '')}".strip()
        return self._store("Invoice", row, "Void")

    def delete(self, entity: str, number: str) -> None:
        """Take an object out of the books; CDC tells a stub."""
        row = self.get(entity, number)
        del self.rows[entity][number]
        now = stamp()
        stub = {"Id": number, "status": "Deleted", "domain": "QBO"}
        self.deleted.append({"entity": entity, **stub, "MetaData": {"LastUpdatedTime": now}})
        del row
        self._tell(entity, number, "Delete")

    # --- saving --------------------------------------------------------------------------------

    def _new(self, entity: str, body: Row) -> Row:
        row = copy.deepcopy(body)
        return {"Active": True, **row} if entity in NAMES else row

    def _store(self, entity: str, row: Row, operation: str) -> Row:
        now = stamp()
        row["Id"] = str(row.get("Id") or next(self._ids))
        row["SyncToken"] = str(int(row.get("SyncToken", -1)) + 1)
        created = row.get("MetaData", {}).get("CreateTime", now)
        row |= {"MetaData": {"CreateTime": created, "LastUpdatedTime": now}, "domain": "QBO"}
        row["sparse"] = False
        if entity in TRANSACTIONS and operation != "Void":
            self._complete(entity, row)
        if entity in NAMES and row.get("Active") is False and not self._is_marked(entity, row):
            row[NAMES[entity]] += " (deleted)"
        self.rows[entity][row["Id"]] = row
        self._tell(entity, row["Id"], operation)
        return row

    def _is_marked(self, entity: str, row: Row) -> bool:
        return str(row[NAMES[entity]]).endswith(" (deleted)")

    def _tell(self, entity: str, number: str, operation: str) -> None:
        if self.told:
            self.told(entity, number, operation)

    def _enter(self, entity: str, row: Row, request_id: str | None) -> None:
        kept = {name: row.get(name) for name in ("Id", "DocNumber", "PrivateNote", "TotalAmt")}
        self.creates.append({"entity": entity, "requestid": request_id, "at": stamp(), **kept})

    def _merged(self, known: Row, body: Row) -> Row:
        if str(body.get("SyncToken")) != known["SyncToken"]:
            raise Fault("5010", "Stale Object Error", "You and another user were working on it")
        kept = ("Id", "SyncToken", "MetaData", "DocNumber")
        base = known if body.get("sparse") else {one: known[one] for one in kept if one in known}
        return copy.deepcopy({**base, **body})

    def _check(self, entity: str, row: Row) -> None:
        if entity in NAMES:
            self._check_name(entity, row)
        if entity == "Item":
            self._check_item(row)
        if entity == "Customer":
            _check_email((row.get("PrimaryEmailAddr") or {}).get("Address"))
        if entity in TRANSACTIONS:
            self._check_head(entity, row)
            for line in row.get("Line", []):
                self._check_line(line)

    def _check_name(self, entity: str, row: Row) -> None:
        name = row.get(NAMES[entity])
        if not name:
            raise Fault("2020", "Required param missing", element=NAMES[entity])
        if entity == "Item" and (len(name) > LONGEST_NAME or any(one in name for one in ":\t\n")):
            raise Fault("2050", "String length is too long or has wrong characters", element="Name")
        groups = (("Item",),) if entity == "Item" else (("Customer", "Vendor"),)
        for other in groups[0]:
            for one in self.rows[other].values():
                bare = str(one[NAMES[other]]).removesuffix(" (deleted)")
                if one["Id"] != row.get("Id") and bare.casefold() == name.casefold():
                    detail = f"The name supplied already exists. : Id={one['Id']}"
                    raise Fault("6240", "Duplicate Name Exists Error", detail)

    def _check_item(self, row: Row) -> None:
        """Refuse a new item without an income account; older ones may have come without."""
        if len(row.get("Sku") or "") > LONGEST_NAME:
            raise Fault("2050", "String length is too long", element="Sku")
        if row.get("IncomeAccountRef"):
            self._referred("Account", row["IncomeAccountRef"], "IncomeAccountRef")
        elif not row.get("Id") and row.get("Type", "Service") in {"Service", "NonInventory"}:
            text = "Required parameter IncomeAccountRef is missing in the request"
            raise Fault("2020", "Required param missing", text, element="IncomeAccountRef")

    def _check_head(self, entity: str, row: Row) -> None:
        number = row.get("DocNumber")
        if number and len(number) > LONGEST_NUMBER:
            raise Fault("2050", "String length is too long", element="DocNumber")
        _check_address(row.get("BillAddr") or {})
        customer = self._referred("Customer", row.get("CustomerRef"), "CustomerRef")
        wanted = row.get("CurrencyRef", {}).get("value", self.currency)
        if customer.get("CurrencyRef", {}).get("value", self.currency) != wanted:
            detail = "The currency of the transaction is not the currency of the customer"
            raise Fault("6000", "A business validation error has occurred", detail)
        if self.closed_before and str(row.get("TxnDate", "")) <= self.closed_before:
            detail = f"The account period has closed; books are closed until {self.closed_before}"
            raise Fault("6000", "A business validation error has occurred", detail)
        if entity == "RefundReceipt":
            self._referred("Account", row.get("DepositToAccountRef"), "DepositToAccountRef")
        taken = [
            one
            for one in self.rows[entity].values()
            if number and one.get("DocNumber") == number and one["Id"] != row.get("Id")
        ]
        if taken and self.warns_duplicates:
            detail = f"Duplicate Document Number Error : DocNumber={number} TxnId={taken[0]['Id']}"
            raise Fault("6140", "Duplicate Document Number Error", detail, element="DocNumber")

    def _referred(self, entity: str, ref: Any, element: str) -> Row:
        number = str((ref or {}).get("value", ""))
        found = self.rows[entity].get(number)
        if found is None:
            detail = f"Invalid Reference Id : {entity} {number}"
            raise Fault("2500", "Invalid Reference Id", detail, element=element)
        if found.get("Active") is False:
            detail = f"Object Not Found : {entity} {number} was made inactive"
            raise Fault("610", "Object Not Found", detail, element=element)
        return found

    def _check_line(self, line: Row) -> None:
        detail = line.get("SalesItemLineDetail")
        if not detail:
            return
        if detail.get("ItemRef", {}).get("value") != SHIPPING:
            self._referred("Item", detail.get("ItemRef"), "ItemRef")
        elif not self.allows_shipping:
            raise Fault("6000", "A business validation error has occurred", "Shipping is off")
        refusal = self.refusals.get(str(detail.get("ItemRef", {}).get("value")))
        if refusal:
            raise Fault("", refusal)
        if "UnitPrice" in detail and "Qty" in detail:
            made = cents(Decimal(str(detail["UnitPrice"])) * Decimal(str(detail["Qty"])))
            if made != cents(Decimal(str(line["Amount"]))):
                raise Fault("6070", "Amount is not equal to UnitPrice * Qty")
        code = detail.get("TaxCodeRef", {}).get("value")
        known = self.rows["TaxCode"].get(str(code), {"Active": False})
        if self.country != "US" and known.get("Active") is False:
            text = "Make sure all your transactions have a tax rate before you save"
            raise Fault("6000", "A business validation error has occurred", text)
        if code and self.country == "US" and code not in {"TAX", "NON"}:
            raise Fault("2500", "Invalid Reference Id", element="TaxCodeRef")

    # --- totals --------------------------------------------------------------------------------

    def _complete(self, entity: str, row: Row) -> None:
        lines = [one for one in row.get("Line", []) if one["DetailType"] != "SubTotalLineDetail"]
        for position, line in enumerate(lines, start=1):
            line |= {"Id": str(position), "LineNum": position}
        items = [one for one in lines if one["DetailType"] == "SalesItemLineDetail"]
        subtotal = sum((Decimal(str(one["Amount"])) for one in items), Decimal(0))
        discount = self._discount(lines, subtotal)
        tax = self._tax(row, items, subtotal, discount)
        total = cents(subtotal - discount + tax)
        closing = {"Amount": float(subtotal), "DetailType": "SubTotalLineDetail"}
        row["Line"] = [*lines, {**closing, "SubTotalLineDetail": {}}]
        row["TotalAmt"] = float(total)
        buyer = self.rows["Customer"].get(str(row.get("CustomerRef", {}).get("value")), {})
        row["CustomerRef"] = {**row.get("CustomerRef", {}), "name": buyer.get("DisplayName", "")}
        row.setdefault("CurrencyRef", {"value": self.currency})
        row.setdefault("TxnDate", datetime.now(PACIFIC).date().isoformat())
        row.setdefault("LinkedTxn", [])
        if not self.custom_numbers or not row.get("DocNumber"):
            row["DocNumber"] = row.get("DocNumber") or str(1000 + int(row["Id"]))
        if entity == "Invoice":
            changed = row["SyncToken"] != "0"
            paid = row.pop("Paid", False) or (changed and row.get("Balance") == 0)
            row["Balance"] = 0 if paid else float(total)
        if entity == "CreditMemo":
            row["RemainingCredit"] = float(total)

    def _discount(self, lines: list[Row], subtotal: Decimal) -> Decimal:
        for line in lines:
            if line["DetailType"] == "DiscountLineDetail":
                detail = line.get("DiscountLineDetail", {})
                if detail.get("PercentBased"):
                    percent = Decimal(str(detail["DiscountPercent"]))
                    line["Amount"] = float(cents(subtotal * percent / 100))
                return Decimal(str(line["Amount"]))
        return Decimal(0)

    def _tax(self, row: Row, items: list[Row], subtotal: Decimal, discount: Decimal) -> Decimal:
        given = row.get("TxnTaxDetail", {}).get("TotalTax")
        if self.country == "US" and given is not None:
            tax = cents(Decimal(str(given)))
            row["TxnTaxDetail"] = {**row["TxnTaxDetail"], "TotalTax": float(tax)}
            return tax
        nets: dict[Decimal, Decimal] = {}
        for line in items:
            percent = self._percent(line["SalesItemLineDetail"].get("TaxCodeRef", {}).get("value"))
            net = Decimal(str(line["Amount"]))
            nets[percent] = nets.get(percent, Decimal(0)) + net
        share = discount / subtotal if subtotal else Decimal(0)
        lines = [_tax_line(percent, net * (1 - share)) for percent, net in nets.items() if percent]
        total = sum((Decimal(str(one["Amount"])) for one in lines), Decimal(0))
        row["TxnTaxDetail"] = {"TotalTax": float(total), "TaxLine": lines}
        return total

    def _percent(self, code: str | None) -> Decimal:
        if self.country == "US":
            return self.tax_percent if code == "TAX" else Decimal(0)
        tax_code = self.rows["TaxCode"].get(code or "", {})
        rates = tax_code.get("SalesTaxRateList", {}).get("TaxRateDetail", [])
        found = [self.rows["TaxRate"][one["TaxRateRef"]["value"]] for one in rates]
        return sum((Decimal(str(one["RateValue"])) for one in found), Decimal(0))


def _check_email(address: str | None) -> None:
    if address and not EMAIL.fullmatch(address):
        text = "Email Address does not conform to the syntax rules of RFC 822"
        raise Fault("2210", "Invalid email address format", text, element="PrimaryEmailAddr")


def _check_address(address: Row) -> None:
    for name, text in address.items():
        if len(str(text)) > LONGEST_ADDRESS:
            message = "String length is either shorter or longer than supported by specification"
            detail = f"{message} : BillAddr.{name} takes {LONGEST_ADDRESS}, not {len(text)}"
            raise Fault("2050", message, detail, element=f"BillAddr.{name}")


def _tax_line(percent: Decimal, net: Decimal) -> Row:
    detail = {
        "PercentBased": True,
        "TaxPercent": float(percent),
        "NetAmountTaxable": float(cents(net)),
    }
    amount = float(cents(net * percent / 100))
    return {"Amount": amount, "DetailType": "TaxLineDetail", "TaxLineDetail": detail}
