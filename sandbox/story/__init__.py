"""The whole story: 1,240 documents of a month in four systems, 71 of them stopped."""

from dataclasses import dataclass
from datetime import datetime

from sandbox.pasts import Row
from sandbox.seeds import Seed
from sandbox.seeds_crm import Trade
from sandbox.story.shop import tell_shop
from sandbox.story.trade import tell_trade

__all__ = ["World", "tell", "tell_shop"]


@dataclass(frozen=True, slots=True)
class World:
    """All four systems, filled, and the past of their documents by the source's name."""

    seed: Seed
    trade: Trade
    history: dict[str, list[Row]]


def tell(now: datetime) -> World:
    """Fill all four systems with the month before `now` (aware UTC)."""
    seed = tell_shop(now)
    trade, history = tell_trade(now)
    return World(seed, trade, {**history, "salla": seed.shop.history})
