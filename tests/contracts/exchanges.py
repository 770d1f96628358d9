"""Drives our connectors through everything they do, and returns what the stand-ins saw."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice

from starlette.types import ASGIApp

from sandbox import daftra, hubspot, quickbooks, salla
from sandbox.seeds import seed
from sandbox.seeds_crm import seed_crm
from sandbox.serving import Server
from sync.clock import SystemClock
from sync.connectors.base import Connector, Destination, Fixed, Good, Kept, Parent, Source
from sync.connectors.registry import Means, open_destination, open_source
from sync.connectors.spec import Spec
from sync.documents import Document, Kind
from sync.errors import FixData, Reconnect
from sync.money import Money
from sync.outcomes import Created
from tests.builders import document
from tests.connectors import company, sales
from tests.connectors.conftest import NOW, Remembered
from tests.contracts.mending import Mended, mend
from tests.contracts.recorder import Exchange, Recorder

SINCE, LONG_AGO = date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)
WRONG = "no-such-token"


@contextmanager
def _served(app: ASGIApp) -> Iterator[tuple[str, Recorder]]:
    recorder = Recorder(app)
    server = Server(recorder).start()
    try:
        yield server.url, recorder
    finally:
        server.stop()


def _means() -> Means:
    return Means(SystemClock(), lambda: None, 5.0, Remembered())


def _spec(url: str, account: str = "") -> Spec:
    return Spec("one", url, None, None, "", account, {})


@cache
def of_salla() -> list[Exchange]:
    """Return what a store's connector asks and is told."""
    with _served(salla.create(seed(NOW).shop)) as (url, recorder):
        shop = open_source("salla", _spec(url), _means(), Fixed(salla.TOKEN))
        _mend(shop, "8808")
        _read_all(shop)
        _refused(open_source("salla", _spec(url), _means(), Fixed(WRONG)))
    return recorder.kept


@cache
def of_daftra() -> list[Exchange]:
    """Return what a site's connector asks and is told."""
    back = document("2", kind=Kind.RETURN, total="57.50")
    keys = ("v1:salla:1305146709:invoice:1", "v1:salla:1305146709:return:2")
    with _served(daftra.create(seed(NOW).site)) as (url, recorder):
        end = open_destination("daftra", _spec(url), _means(), Fixed(daftra.KEY))
        _write_all(end, document(), back, keys)
        end = open_destination("daftra", _spec(url), _means(), Fixed(daftra.KEY))
        _choose(end, "TEA-200")
        _refused(open_destination("daftra", _spec(url), _means(), Fixed(WRONG)))
    return recorder.kept


@cache
def of_hubspot() -> list[Exchange]:
    """Return what both ends of a HubSpot account ask and are told."""
    keys = (sales.KEY, sales.credit_key("12"))
    portal = seed_crm(NOW).portal
    portal.limited = False
    with _served(hubspot.create(portal)) as (url, recorder):
        spec, opens = _spec(url, hubspot.PORTAL), Fixed(hubspot.TOKEN)
        end = open_destination("hubspot", spec, _means(), opens)
        end.set_up()
        _read_all(open_source("hubspot", spec, _means(), opens))
        sku = next(
            sku for one in portal.objects["products"].values() if (sku := one.properties["hs_sku"])
        )
        one = sales.sale(sku=sku)
        buyers = [one for one in portal.objects["contacts"].values() if one.properties.get("email")]
        taken = buyers[1].properties["email"] or ""
        made = Mended(buyers[0].id, taken, sku)
        mend(open_source("hubspot", spec, _means(), opens), end, made)
        _write_all(end, one, sales.credit("12", "57.50"), keys)
        _refused(open_destination("hubspot", spec, _means(), Fixed(WRONG)))
    return recorder.kept


@cache
def of_quickbooks() -> list[Exchange]:
    """Return what both ends of a QuickBooks company ask and are told."""
    keys = (company.KEY, "v1:hubspot:4711:return:void-501")
    books = seed_crm(NOW).company
    with _served(quickbooks.create(books)) as (url, recorder):
        spec, opens = _spec(url, quickbooks.REALM), Fixed(quickbooks.TOKEN)
        _read_all(open_source("quickbooks", spec, _means(), opens))
        end = open_destination("quickbooks", spec, _means(), opens)
        sku = next(item["Sku"] for item in books.rows["Item"].values() if item.get("Sku"))
        made = Mended(next(iter(books.rows["Customer"])), "no address", sku)
        mend(open_source("quickbooks", spec, _means(), opens), end, made)
        one = company.sale(company.line(sku))
        back = replace(one, source_id="void-501", kind=Kind.RETURN, number="CR-7")
        _write_all(end, one, back, keys)
        _refused(open_destination("quickbooks", spec, _means(), Fixed(WRONG)))
    return recorder.kept


def _mend(source: Source, customer_id: str) -> None:
    """Save an e-mail, be refused one, and list what is sold."""
    source.set_email(customer_id, "khalid@example.sa")
    with suppress(FixData):
        source.set_email(customer_id, "nobody")
    assert list(source.goods())


def _choose(end: Destination, sku: str) -> None:
    """Search, read what was found, ask for many SKUs at once, create a product."""
    for kind in end.keeps:
        found = end.choices(kind, "")
        assert end.choice(kind, found[0].id) == found[0]
    assert end.choice(Kept.PRODUCT, "999999") is None
    assert end.choices(Kept.PRODUCT, sku.lower())
    assert not end.stops([sku])
    end.create_product(Good("NEW-1", "Brand new", Money.of("19.90", "SAR")))
    end.close()


def _read_all(source: Source) -> None:
    source.check()
    headers = list(source.headers(SINCE))
    assert headers, "the seeds hold documents"
    list(source.changes(LONG_AGO, SINCE))
    for header in islice(headers, 12):
        try:
            read = source.read(header.source_id)
        except FixData:  # the seeds hold documents that cannot be understood, on purpose
            continue
        source.headers_of(read.order)
        source.order_by_number(read.order.number)
    source.close()


def _write_all(end: Destination, one: Document, back: Document, keys: tuple[str, str]) -> None:
    end.check()
    end.set_up()
    parent = None
    for key, given in zip(keys, (one, back), strict=True):
        end.find(key, given, parent)
        assert not end.blockers(given)
        plan = end.plan(key, given, parent)
        outcome = end.create(plan, sent_by=datetime.now(UTC) + timedelta(seconds=5))
        assert isinstance(outcome, Created), outcome
        booked = end.read(outcome.destination_id, given.kind)
        assert end.find(key, given, parent).ours is not None
        parent = parent or Parent(booked.id, booked.number, booked.total)
    end.close()


def _refused(end: Connector) -> None:
    """Ask with a token that opens nothing: the answer is the system's refusal."""
    try:
        end.check()
    except Reconnect:
        return
    finally:
        end.close()
    raise AssertionError(f"{end.system} let a wrong token in")
