"""Salla's and Daftra's calls, after their guides."""

from tests.contracts.schemas import (
    AMOUNT,
    DAY,
    DIGITS,
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

_FAILURE = record(status=WHOLE, success={"const": False}, error=record(code=TEXT, message=TEXT))
_MONEY = record(amount=either(NUMBER, AMOUNT), currency=TEXT)
_PAGES = record(count=WHOLE, total=WHOLE, perPage=WHOLE, currentPage=WHOLE, totalPages=WHOLE)
_INVOICE = record(
    id=WHOLE,
    invoice_number=TEXT_OR_NONE,
    order_id=WHOLE,
    type=TEXT,
    date=DAY,
    sub_total=_MONEY,
    shipping_cost=_MONEY,
    cod_cost=_MONEY,
    discount=_MONEY,
    tax=record(percent=either(NUMBER, AMOUNT), amount=_MONEY),
    total=_MONEY,
)
_ORDER = record(
    id=WHOLE, reference_id=WHOLE, date=record(date=TEXT, timezone=TEXT), status=record(slug=TEXT)
)
_ITEM = record(id=WHOLE, name=TEXT, sku=TEXT_OR_NONE, quantity=WHOLE, currency=TEXT)
_CUSTOMER = record(
    id=WHOLE, first_name=TEXT, last_name=TEXT, mobile=WHOLE, mobile_code=TEXT, email=TEXT_OR_NONE
)
_CHANGED = record(first_name=TEXT, last_name=TEXT, mobile=TEXT, mobile_code=TEXT, email=TEXT)
_GOOD = record(id=WHOLE, name=TEXT, sku=TEXT_OR_NONE, status=TEXT, price=_MONEY)


def _told(data: Schema, **more: Schema) -> Schema:
    return record(status=WHOLE, success={"const": True}, data=data, **more)


def _salla(path: str, answer: Schema) -> Rule:
    return Rule("GET", path, answer, _FAILURE)


SALLA = [
    _salla("/oauth2/user/info", record(merchant=record(id=WHOLE, name=TEXT))),
    _salla("/admin/v2/orders/invoices", _told(rows(_INVOICE), pagination=_PAGES)),
    _salla(r"/admin/v2/orders/invoices/\d+", _told(_INVOICE)),
    _salla(r"/admin/v2/orders/\d+", _told(_ORDER)),
    _salla("/admin/v2/orders/items", _told(rows(_ITEM))),
    _salla("/admin/v2/orders", _told(rows(_ORDER))),
    _salla("/admin/v2/products", _told(rows(_GOOD), pagination=_PAGES)),
    _salla(r"/admin/v2/customers/\d+", _told(_CUSTOMER)),
    Rule("PUT", r"/admin/v2/customers/\d+", _told(_CUSTOMER), _FAILURE, _CHANGED),
]

_FAILED = record(result={"const": "failed"}, code=WHOLE, message=TEXT)
_DOCUMENT = record(
    id=DIGITS,
    no=TEXT,
    type=DIGITS,
    client_id=DIGITS,
    date=DAY,
    currency_code=TEXT,
    summary_total=AMOUNT,
    po_number=TEXT_OR_NONE,
    notes=TEXT_OR_NONE,
)
_SITE = record(id=DIGITS, business_name=TEXT, currency_code=TEXT)
_PRODUCT = record(id=DIGITS, name=TEXT, product_code=TEXT_OR_NONE, status=DIGITS)
_TAX = record(id=DIGITS, name=TEXT, value=AMOUNT, included={"enum": ["0", "1"]})
_CLIENT = record(id=DIGITS, business_name=TEXT, email=TEXT_OR_NONE)
_ASKED = record(client_id=WHOLE, date=DAY, currency_code=TEXT, draft={"enum": [0, 1]}, notes=TEXT)
_LINE = record(item=TEXT, unit_price=NUMBER, quantity=NUMBER)
_MADE = record(code={"const": 202}, result={"const": "successful"}, id=DIGITS)
_ADDED = record(code={"const": 202}, result={"const": "successful"}, id=either(WHOLE, DIGITS))
_NEW = record(name=TEXT, product_code=TEXT, type={"const": 1}, track_stock={"const": 0})


def _found(data: Schema, **more: Schema) -> Schema:
    return record(code={"const": 200}, result={"const": "successful"}, data=data, **more)


def _many(model: str, one: Schema) -> Schema:
    pages = record(page=WHOLE, page_count=WHOLE, total_results=WHOLE)
    return _found(rows(record(**{model: one})), pagination=pages)


def _daftra(path: str, answer: Schema) -> Rule:
    return Rule("GET", path, answer, _FAILED)


def _documents(plural: str, model: str) -> list[Rule]:
    asked = record(**{model: _ASKED, "InvoiceItem": rows(_LINE, 1)})
    return [
        _daftra(rf"/api2/{plural}\.json", _many(model, _DOCUMENT)),
        _daftra(rf"/api2/{plural}/\d+\.json", _found(record(**{model: _DOCUMENT}))),
        Rule("POST", rf"/api2/{plural}\.json", _MADE, _FAILED, asked),
    ]


DAFTRA = [
    _daftra(r"/api2/site_info\.json", _found(record(Site=_SITE))),
    _daftra(r"/api2/products\.json", _many("Product", _PRODUCT)),
    _daftra(r"/api2/products/\d+\.json", _found(record(Product=_PRODUCT))),
    Rule("POST", r"/api2/products\.json", _ADDED, _FAILED, record(Product=_NEW)),
    _daftra(r"/api2/taxes\.json", _many("Tax", _TAX)),
    _daftra(
        r"/v2/api/entity/product/list/\d+",
        record(data=rows(_PRODUCT), current_page=WHOLE, last_page=WHOLE, total=WHOLE),
    ),
    _daftra(
        r"/v2/api/entity/client/list/\d+",
        record(data=rows(_CLIENT), meta=record(current_page=WHOLE, last_page=WHOLE)),
    ),
    *_documents("invoices", "Invoice"),
    *_documents("credit_notes", "CreditNote"),
]
