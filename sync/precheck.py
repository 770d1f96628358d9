"""A precheck as a value: which goods of a source its destination does not know yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sync.connectors.base import Good
from sync.errors import ErrorType
from sync.money import Money
from sync.records import Actor

MOST_FINDINGS = 1000
"""So many goods are named; of the others only the number is kept."""


class PrecheckState(StrEnum):
    """Where a precheck stands."""

    LOOKING = "looking"
    LOOKED = "looked"
    CREATING = "creating"
    CREATED = "created"
    STOPPED = "stopped"
    FAILED = "failed"
    """A system refused, or stayed silent: `reason` says which and why."""


WORKED = (PrecheckState.LOOKING, PrecheckState.CREATING)
"""The states in which somebody has to do something about it."""


@dataclass(frozen=True, slots=True)
class NearMatch:
    """A record of the destination that looks like what is missing; `why` says how, as a code."""

    id: str
    name: str
    code: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One of the source's goods for which nothing stands in the destination, and why.

    `made` is the record that was created for it, `refused` why that could not be.
    """

    sku: str
    name: str
    price: Money | None
    error_type: ErrorType
    reason: str
    near: Sequence[NearMatch] = ()
    made: str | None = None
    refused: str | None = None

    @property
    def creatable(self) -> bool:
        """Whether it may be created unseen: nothing looks like it, and it was not made yet."""
        return self.error_type is ErrorType.SKU_NOT_FOUND and not self.near and self.made is None

    @property
    def good(self) -> Good:
        """Return what would be created."""
        return Good(self.sku, self.name, self.price)


@dataclass(frozen=True, slots=True)
class Found:
    """How far a precheck is: goods looked for, those without a match, and the first of these."""

    looked: int = 0
    missing: int = 0
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Precheck:
    """One precheck of a route: `looked` of its goods were looked for, `missing` were not there."""

    id: int
    route_id: int
    route: str
    source: str
    source_system: str
    destination: str
    destination_system: str
    state: PrecheckState
    stopping: bool
    looked: int
    missing: int
    findings: Sequence[Finding]
    reason: str | None
    by: Actor
    creator: Actor | None
    owner: str | None
    created_at: datetime
    finished_at: datetime | None
    message: Mapping[str, Any] | None

    @property
    def active(self) -> bool:
        """Whether somebody works at it, or is about to."""
        return self.state in WORKED

    @property
    def creatable(self) -> Sequence[Finding]:
        """What can be created unseen."""
        return [one for one in self.findings if one.creatable]

    @property
    def made(self) -> Sequence[Finding]:
        """What was created."""
        return [one for one in self.findings if one.made is not None]

    @property
    def refused(self) -> Sequence[Finding]:
        """What could not be created."""
        return [one for one in self.findings if one.refused is not None]


class RunningAlready(Exception):
    """Another precheck of the route has not ended."""

    def __init__(self, running: Precheck) -> None:
        super().__init__(f"A precheck of {running.route} is running")
        self.running = running


class NothingToCreate(Exception):
    """Nothing of it can be created unseen now."""


def written(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return findings as JSON values."""
    return [
        {
            "sku": one.sku,
            "name": one.name,
            "price": [str(one.price.amount), one.price.currency] if one.price else None,
            "type": one.error_type.value,
            "reason": one.reason,
            "near": [[near.id, near.name, near.code, near.why] for near in one.near],
            "made": one.made,
            "refused": one.refused,
        }
        for one in findings
    ]


def read(kept: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Return findings from JSON values."""
    return [
        Finding(
            sku=one["sku"],
            name=one["name"],
            price=Money.of(*one["price"]) if one["price"] else None,
            error_type=ErrorType(one["type"]),
            reason=one["reason"],
            near=[NearMatch(*near) for near in one["near"]],
            made=one["made"],
            refused=one["refused"],
        )
        for one in kept
    ]
