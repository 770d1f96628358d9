"""Sample values for the messages of holds: each kind, held, going and ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.holding import hold_message_view
from sync.money import Money
from sync.records import ENGINE, Actor, HoldKind
from sync.store.holds import Going, HoldRow


def holding_samples(now: datetime) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Return samples by template."""
    told = ("paused", "held", "resumed", "running", "unknown")
    return {
        "hold": [{"view": hold_message_view(one)} for one in _holds(now)],
        "paused": [
            {"what": what, "name": name, "names": ["books", "a" * 60]}
            for what in told
            for name in ("books", "")
        ],
    }


def _holds(now: datetime) -> list[HoldRow]:
    """Return a hold of each kind in each of its states."""
    return [
        _hold(now, kind, going, opened=opened, ended=ended)
        for kind in HoldKind
        for going, opened, ended in (
            (Going(), False, False),
            (Going(312, 212, 3, 97), True, False),
            (Going(312, 300, 3, 0), True, True),
            (Going(), True, True),
        )
    ]


def _hold(now: datetime, kind: HoldKind, going: Going, *, opened: bool, ended: bool) -> HoldRow:
    return HoldRow(
        id=1,
        connection="ledger",
        system="quickbooks",
        kind=kind,
        reason="QuickBooks answered 401: AuthenticationFailed " + "x" * 300,
        by=Actor("U0SARA", "Sara") if kind is HoldKind.PAUSED else ENGINE,
        began_at=now - timedelta(hours=2),
        opened_at=now if opened else None,
        ended_at=now if ended else None,
        next_at=now + timedelta(minutes=5) if kind is HoldKind.BREAKER else None,
        waiting=0 if opened else 312,
        amounts=[] if opened else [Money.of("1200000", "USD"), Money.of("9.5", "SAR")],
        going=going,
        message=None,
    )
