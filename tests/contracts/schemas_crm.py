"""HubSpot's and QuickBooks' calls, after their guides."""

from tests.contracts.schemas import (
    DAY,
    DIGITS,
    FLAG,
    NOTHING,
    NUMBER,
    TEXT,
    TEXT_OR_NONE,
    WHOLE,
    Rule,
    Schema,
    either,
    record,
    rows,
)

_MOMENT: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"}

_REFUSED = record(status={"const": "error"}, message=TEXT, correlationId=TEXT, category=TEXT)
_VALUES: Schema = {"type": "object", "additionalProperties": TEXT_OR_NONE}
_SENT: Schema = {"type": "object", "additionalProperties": TEXT}
_LINKED: Schema = {
    "type": "object",
    "additionalProperties": record(results=rows(record(id=DIGITS, type=TEXT))),
}
_OBJECT = record(
    {"associations": _LINKED, "new": FLAG},
    id=DIGITS,
    properties=_VALUES,
    createdAt=_MOMENT,
    updatedAt=_MOMENT,
    archived=FLAG,
)
_BATCH = record(
    status={"const": "COMPLETE"},
    results=rows(_OBJECT),
    startedAt=_MOMENT,
    completedAt=_MOMENT,
)
_PROPERTY = record(name=TEXT, label=TEXT, type=TEXT, fieldType=TEXT, groupName=TEXT)
_FILTERS = record(filterGroups=rows(record(filters=rows(record(propertyName=TEXT, operator=TEXT)))))
_SEARCH: Schema = {
    "allOf": [
        _FILTERS,
        record(properties=rows(TEXT), sorts=rows(TEXT), limit=WHOLE, after=TEXT),
    ]
}
_READ = record(inputs=rows(record(id=TEXT), 1), properties=rows(TEXT))
_UPSERT = record(inputs=rows(record(id=TEXT, idProperty=TEXT, properties=_SENT), 1))
_ENDS = record(inputs=rows(record(**{"from": record(id=DIGITS), "to": record(id=DIGITS)}), 1))


def _hubspot(method: str, path: str, answer: Schema, request: Schema = NOTHING) -> Rule:
    return Rule(method, path, answer, _REFUSED, request)


def _objects(kind: str, rest: str = "") -> str:
    return rf"/crm/objects/2026-03/{kind}{rest}"


HUBSPOT = [
    _hubspot(
        "GET",
        "/account-info/v3/details",
        record(portalId=WHOLE, accountType=TEXT, companyCurrency=TEXT, timeZone=TEXT),
    ),
    _hubspot("GET", r"/crm/properties/2026-03/\w+", record(results=rows(_PROPERTY))),
    _hubspot("POST", r"/crm/properties/2026-03/\w+", _PROPERTY, _PROPERTY),
    _hubspot(
        "GET",
        r"/tax-rates/2026-03/tax-rates/\d+",
        record(id=TEXT, name=TEXT, percentageRate=NUMBER, active=FLAG),
    ),
    _hubspot(
        "POST",
        _objects(r"\w+", "/search"),
        record({"paging": record(next=record(after=TEXT))}, total=WHOLE, results=rows(_OBJECT)),
        _SEARCH,
    ),
    _hubspot("POST", _objects(r"\w+", "/batch/read"), _BATCH, _READ),
    _hubspot("POST", _objects(r"\w+", "/batch/upsert"), _BATCH, _UPSERT),
    _hubspot(
        "POST",
        _objects("(contacts|notes|products)"),
        _OBJECT,
        record(properties=_SENT, associations=rows({})),
    ),
    _hubspot("GET", _objects(r"\w+", "/[^/]+"), _OBJECT),
    _hubspot("PATCH", _objects("(invoices|contacts)", r"/\d+"), _OBJECT, record(properties=_SENT)),
    _hubspot(
        "POST",
        r"/crm/associations/2026-03/\w+/\w+/batch/associate/default",
        record(status={"const": "COMPLETE"}, results=rows({})),
        _ENDS,
    ),
]

_BASE = r"/v3/company/\d+"
_FAULT = record(Fault=record(type=TEXT, Error=rows(record(Message=TEXT, code=TEXT), 1)))
_REF = record({"name": TEXT}, value=TEXT)
_MAIL = record(Address=TEXT)
_KEPT = {"SyncToken": DIGITS, "MetaData": record(CreateTime=_MOMENT, LastUpdatedTime=_MOMENT)}
_SOLD = record(
    {"Qty": NUMBER, "UnitPrice": NUMBER, "TaxCodeRef": _REF, "TaxInclusiveAmt": NUMBER},
    ItemRef=_REF,
)
_LINE = record(
    {"SalesItemLineDetail": _SOLD, "Description": TEXT, "Id": TEXT},
    DetailType=TEXT,
    Amount=NUMBER,
)
_ASKED = record(
    {
        "DocNumber": {"type": "string", "maxLength": 21},
        "PrivateNote": {"type": "string", "maxLength": 4000},
        "BillEmail": _MAIL,
        "TxnTaxDetail": record({"TotalTax": NUMBER}),
    },
    CustomerRef=_REF,
    CurrencyRef=_REF,
    TxnDate=DAY,
    Line=rows(_LINE, 1),
)
_BOOKED: Schema = {"allOf": [_ASKED, record(Id=DIGITS, TotalAmt=NUMBER, **_KEPT)]}
_ACCOUNT = record({"AcctNum": TEXT}, Id=DIGITS, Name=TEXT, AccountType=TEXT, Active=FLAG, **_KEPT)
_NEW_ITEM = record(
    {"UnitPrice": NUMBER},
    Name={"type": "string", "maxLength": 100},
    Sku={"type": "string", "maxLength": 100},
    Type={"const": "NonInventory"},
    IncomeAccountRef=_REF,
)
_NEW_EMAIL = record(Id=DIGITS, SyncToken=DIGITS, sparse={"const": True}, PrimaryEmailAddr=_MAIL)
_BUYER = record({"PrimaryEmailAddr": _MAIL, "CurrencyRef": _REF}, DisplayName=TEXT)
_CUSTOMER: Schema = {"allOf": [_BUYER, record(Id=DIGITS, Active=FLAG, **_KEPT)]}
_ITEM = record({"Sku": TEXT}, Id=DIGITS, Name=TEXT, Type=TEXT, **_KEPT)
_FOUND = record(
    {
        "Invoice": rows(_BOOKED),
        "CreditMemo": rows(_BOOKED),
        "Customer": rows(_CUSTOMER),
        "Item": rows(_ITEM),
        "Account": rows(_ACCOUNT),
        "startPosition": WHOLE,
        "maxResults": WHOLE,
    }
)


def _told(**entity: Schema) -> Schema:
    return record(time=_MOMENT, **entity)


def _read(path: str, **entity: Schema) -> Rule:
    return Rule("GET", f"{_BASE}/{path}", _told(**entity), _FAULT)


def _made(path: str, request: Schema, **entity: Schema) -> Rule:
    return Rule("POST", f"{_BASE}/{path}", _told(**entity), _FAULT, request)


QUICKBOOKS = [
    _read(r"companyinfo/\d+", CompanyInfo=record(CompanyName=TEXT, Country=TEXT)),
    _read(
        "preferences",
        Preferences=record(
            SalesFormsPrefs=record(CustomTxnNumbers=FLAG, AllowDiscount=FLAG),
            CurrencyPrefs=record(MultiCurrencyEnabled=FLAG, HomeCurrency=_REF),
            TaxPrefs=record(UsingSalesTax=FLAG),
        ),
    ),
    _read("query", QueryResponse=_FOUND),
    _read(r"invoice/\d+", Invoice=_BOOKED),
    _read(r"creditmemo/\d+", CreditMemo=_BOOKED),
    _read(r"customer/\d+", Customer=_CUSTOMER),
    _made("customer", either(_NEW_EMAIL, _BUYER), Customer=_CUSTOMER),
    _read(r"item/\d+", Item=_ITEM),
    _read(r"account/\d+", Account=_ACCOUNT),
    _made("item", _NEW_ITEM, Item=_ITEM),
    _made("invoice", _ASKED, Invoice=_BOOKED),
    _made("creditmemo", _ASKED, CreditMemo=_BOOKED),
]
