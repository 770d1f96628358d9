"""Causes in a terminal: which there are, and which one is meant."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.causes import Wanted, largest
from bot.text import clean
from handlers import parse
from handlers.commandline import WrongUse, wrong_use
from handlers.parse_causes import ME, Causes
from handlers.terminal import Terminal, instant
from sync.causes import Cause
from sync.engine import Engine
from sync.records import TERMINAL


def show_causes(engine: Engine, words: Sequence[str], out: Terminal, *, as_json: bool) -> None:
    """Print the open causes that fit the filters, the largest amount first. Raises WrongUse."""
    wanted = wanted_of(words)
    found = largest([one for one in engine.store.causes.open() if wanted.fits(one)])
    if as_json:
        out.data({"rows": [cause_row(one) for one in found]})
        return
    for one in found:
        out.say(_line(one))
    if not found:
        out.say("No cause fits: nothing of the kind stops any document.")


def wanted_of(words: Sequence[str]) -> Wanted:
    """Return the filters of `causes`, as in Slack; `owner:me` is the terminal. Raises WrongUse."""
    asked = parse.parse(" ".join(["causes", *words]), datetime.now(UTC))
    if not isinstance(asked, Causes):
        raise wrong_use(asked)
    mine = asked.wanted.owner == ME
    return replace(asked.wanted, owner=TERMINAL.id) if mine else asked.wanted


def cause_row(cause: Cause) -> dict[str, Any]:
    """Return a cause with the contract's names; amounts are decimal strings, one per currency."""
    sums = {"amounts": cause.amounts, "released_amounts": cause.released}
    return {
        "cause_id": cause.id,
        "error_type": cause.error_type.value,
        "key": cause.key,
        "connection": cause.lane,
        "system": cause.system,
        "documents": cause.count,
        "releases": cause.releases,
        "retrying": cause.retrying,
        **{
            name: [{"amount": str(one.amount), "currency": one.currency} for one in amounts]
            for name, amounts in sums.items()
        },
        "oldest": instant(cause.oldest),
        "first_seen": instant(cause.first_seen),
        "openings": cause.openings,
        "owner": (cause.owner.name or cause.owner.id) if cause.owner else None,
        "snoozed_until": instant(cause.snoozed_until),
    }


def cause_of(engine: Engine, given: str) -> Cause:
    """Return the open cause with this number or key. Raises WrongUse."""
    wanted = wanted_of([f'cause:"{given}"'])
    found = [one for one in engine.store.causes.open() if wanted.fits(one)]
    if len(found) == 1:
        return found[0]
    several = ", ".join(str(one.id) for one in found)
    named = f"several causes ({several}); name one by its number" if found else "no open cause"
    raise WrongUse(f"{given} stands for {named}. See: app.py causes")


def _line(cause: Cause) -> str:
    sums = "".join(f", {money}" for money in cause.amounts)
    owner = f", owner {cause.owner.name or cause.owner.id}" if cause.owner else ""
    what = f"{cause.error_type.value} {cause.key}".rstrip()
    return clean(
        f"{cause.id}  {what} ({cause.lane}): {cause.count} documents{sums}, "
        f"fixing it releases {cause.releases}, oldest {cause.oldest:%Y-%m-%d}{owner}"
    )
