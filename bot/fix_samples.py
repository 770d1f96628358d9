"""Sample values for the forms of fixes: each kind, alone and with all that can stand in it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.fixes import Before, Beside, Bulked, Compare, Document, FixView, ToldView
from bot.permissions import Person, Role, Standing
from bot.rows import Who
from sync.causes import DeedKind, Verdict
from sync.comparing import Pair, Part
from sync.connectors.base import Choice
from sync.errors import ErrorType
from sync.mending import Why
from sync.money import Money
from sync.nearness import Near

_SARA = Who("U0SARA", "Sara")
_SUMS = [Money.of("41250", "SAR"), Money.of("9.5", "USD")]
_OWN_REASONS = ("no_price", "no_person", "unused_account", "unopened", "stacked")


def fix_samples(now: datetime) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Return samples by template."""
    k, e = DeedKind, ErrorType
    both = (k.MAP_PRODUCT, k.CREATE_PRODUCT)
    told = [{"view": one} for one in _told(now)]
    choices = [Choice("7", "Sidr honey 500 g", "honey-500"), Choice("8", "Date syrup")]
    return {
        "fix_email": _forms(
            now, e.CUSTOMER_EMAIL_MISSING, (k.EMAIL, k.EMAIL_HERE), (k.EMAIL_HERE,)
        ),
        "fix_product": _forms(now, e.SKU_NOT_FOUND, both, (k.MAP_PRODUCT,)),
        "fix_record": [
            *_forms(now, e.TAX_NOT_MAPPED, (k.MAP_TAX,)),
            *_forms(now, e.ACCOUNT_NOT_MAPPED, (k.MAP_ACCOUNT,)),
        ],
        "fix_link": _forms(now, e.ALREADY_SYNCED, (k.LINK,)),
        "fix_skip": _forms(now, e.PERIOD_CLOSED, ()),
        "fix_assign": _forms(now, e.UNKNOWN, ()),
        "fix_snooze": _forms(now, e.NAME_CONFLICT, ()),
        "fix_none": [one for error in ErrorType for one in _forms(now, error, (), (k.RECONNECT,))],
        "fix_working": [{"system": "daftra"}],
        "fix_told": told,
        "fix_said": told,
        "fix_field": told,
        "fix_records": [
            {"near": [(choices[0], near) for near in Near], "others": choices},
            {"near": [], "others": []},
        ],
        "fix_people": [
            {"people": [Person("U0SARA", "Sara", Standing.MEMBER, Role.OPERATOR)]},
            {"people": []},
        ],
    }


def _forms(
    now: datetime, error_type: ErrorType, *offers: Sequence[DeedKind]
) -> list[Mapping[str, Any]]:
    return [
        {"view": _form(now, error_type, offered, full=full)}
        for offered in offers
        for full in (True, False)
    ]


def _form(
    now: datetime, error_type: ErrorType, offers: Sequence[DeedKind], *, full: bool
) -> FixView:
    documents = [Document(one, f"INV-{one}", _SUMS[0] if one % 2 else None) for one in range(1, 21)]
    beside = [Beside(one, "c7", count) for count, one in enumerate(list(ErrorType)[:5], 1)]
    before = Before(DeedKind.CREATE_PRODUCT, _SARA, now - timedelta(days=9), 26, 26)
    return FixView(
        cause_id=12,
        error_type=error_type,
        key="HONEY-500",
        system="daftra",
        source="salla",
        count=38 if full else 1,
        amounts=_SUMS if full else (),
        releases=31 if full else 1,
        released=_SUMS if full else (),
        beside=beside if full else (),
        before=before if full else None,
        offers=offers,
        documents=documents if full else documents[:1],
        chosen=2 if full else None,
        only=documents[1] if not full else None,
        currency="SAR" if full else "",
        before_chosen="Date syrup (DATES-1)" if full else "",
        account="Sales of products (4000)" if full else "" if len(offers) > 1 else None,
        owner=_SARA if full else None,
        snoozed_until=now + timedelta(hours=4) if full else None,
        ask="@finance-ops" if full else None,
    )


def _told(now: datetime) -> list[ToldView]:
    """Return each deed, each reason why not, each look, and what became of each retry."""
    return [
        *(_one(now, kind=kind) for kind in DeedKind),
        *(_one(now, why=why) for why in (*Why, *_OWN_REASONS)),
        *(_one(now, verdict=verdict) for verdict in Verdict),
        *(_one(now, bulked=bulked) for bulked in Bulked),
        *_compared(now),
        replace(_one(now, bulked=Bulked.BEGUN), direct=True),
        _one(now, count=0),
        _one(now, why="unknown", count=0),
    ]


def _compared(now: datetime) -> list[ToldView]:
    """Return two documents side by side: one that may be confirmed, one that may not."""
    pairs = [Pair(part, "1042", "B-7", same=place % 2 == 0) for place, part in enumerate(Part)]
    pairs.append(Pair(Part.DAY, "2026-11-20", "", same=True))
    both = [
        Compare("INV-1042", "Sara Ali", "B-7", "https://b.example/7", pairs, one)
        for one in ("[1]", None)
    ]
    doubtful = _one(now, why=Why.DOUBTFUL)
    views = [replace(doubtful, compare=one) for one in both]
    return [*views, replace(views[1], why=Why.DIFFERS, source="")]


def _one(
    now: datetime,
    kind: DeedKind = DeedKind.CREATE_PRODUCT,
    why: str | None = None,
    verdict: Verdict | None = None,
    bulked: Bulked = Bulked.NOT_ASKED,
    count: int = 38,
) -> ToldView:
    return ToldView(
        cause_id=12 if count else None,
        error_type=ErrorType.SKU_NOT_FOUND if count else None,
        key="HONEY-500",
        system="daftra",
        source="salla",
        count=count,
        amounts=_SUMS if count else (),
        kind=kind,
        what="Sidr honey 500 g (HONEY-500)",
        decided=count,
        until=now + timedelta(hours=4) if count else None,
        why=why,
        said="email: has already been taken" if why else "",
        verdict=verdict,
        verdict_reason="Daftra has no product HONEY-500",
        bulked=bulked,
        can_fix=True,
    )
