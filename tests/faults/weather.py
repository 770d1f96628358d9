"""The faults of one run: which may happen, which did, and the dice behind all of them."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """What the simulator does to the engine; the values are the names in the figures."""

    DROPPED = "U1"
    LOST = "U2"
    LATE = "U3"
    RESET = "U4"
    LIMITED = "U5"
    BROKEN = "U6"
    GARBLED = "U7"
    LAGGING = "U8"
    REFUSED = "U9"
    ROUNDED = "U10"
    HINT_AGAIN = "W1"
    HINT_LATE = "W2"
    HINT_EARLY = "W3"
    REDELIVERED = "S1"
    DOUBLE_CLICK = "S2"
    TWO_PEOPLE = "S3"
    POST_LOST = "S4"
    POST_LIMITED = "S5"
    KILLED = "P1"
    PAUSED = "P2"
    STUMBLED = "P3"
    CLOCK = "T1"
    EXPIRED = "T2"


POINTS: Sequence[str] = (
    "click.stored",
    "click.acked",
    "job.claimed",
    "lookup.done",
    "intent.committed",
    "before_send",
    "after_send",
    "after_response",
    "result.committed",
    "slack.posting",
    "slack.posted",
    "digest.recorded",
)
"""Where a process may be killed by name; it may also die between any two transactions."""


@dataclass
class Weather:
    """Decides, by seed, what goes wrong; `calm` ends all of it."""

    dice: random.Random
    calm: bool = False
    met: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)

    def strikes(self, share: float) -> bool:
        """Return True in about `share` of the calls, never when calm."""
        return not self.calm and self.dice.random() < share

    def meets(self, fault: Fault, share: float) -> bool:
        """Let a fault happen in about `share` of the calls, and count it."""
        struck = self.strikes(share)
        if struck:
            self.met[fault] += 1
        return struck

    def pick(self, share: float, faults: Mapping[Fault, int]) -> Fault | None:
        """Let one of `faults`, by weight, happen in about `share` of the calls; None: all well."""
        if not self.strikes(share):
            return None
        fault = self.dice.choices(list(faults), list(faults.values()))[0]
        self.met[fault] += 1
        return fault
