"""What is typed to mend, skip, link, give away or put to rest, in every form people type it in."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.problems import Problem, Wrong
from handlers import parse
from handlers.parse_decisions import Assign, Fix, Link, Reopen, RetryCause, Skip, Snooze, Target
from handlers.parse_precheck import Precheck, StopPrecheck

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RIYADH = ZoneInfo("Asia/Riyadh")


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("retry cause:7", RetryCause(Target("7", is_cause=True))),
        ("retry cause:“HONEY-500 ”", RetryCause(Target("HONEY-500 ", is_cause=True))),
        ("fix 7", Fix(Target("7"))),
        ("FIX #٧", Fix(Target("#٧"))),
        ('fix cause:"HONEY-500 "', Fix(Target("HONEY-500 ", is_cause=True))),
        ('skip 1042 reason:"booked by hand"', Skip("1042", "booked by hand")),
        ("skip #١٠٤٢ reason: booked by hand", Skip("1042", "booked by hand")),
        ("skip 1042 reason:see ticket:9", Skip("1042", "see ticket:9")),
        ("reopen #١٠٤٢", Reopen("1042")),
        ("link 1042 id:9071", Link("1042", "9071")),
        ("link id:9071 1042", Link("1042", "9071")),
        ("assign 7 <@U0SARA|sara>", Assign(Target("7"), "U0SARA")),
        ("assign <@U0SARA> HONEY-500", Assign(Target("HONEY-500"), "U0SARA")),
        ("assign cause:7 owner:me", Assign(Target("7", is_cause=True), "me")),
        ("assign 7 Nobody", Assign(Target("7"), "nobody")),
        ("precheck", Precheck()),
        ("precheck shop:books", Precheck("shop:books")),
        ("precheck route:shop:books", Precheck("shop:books")),
        ("precheck stop", StopPrecheck()),
        ("precheck STOP shop:books", StopPrecheck("shop:books")),
    ],
)
def test_decisions_are_understood(typed: str, command: parse.Command) -> None:
    """Numbers, keys, mentions and reasons are understood in any order that makes sense."""
    assert parse.parse(typed, NOW, RIYADH) == command


@pytest.mark.parametrize(
    ("typed", "until"),
    [
        ("4h", datetime(2026, 11, 20, 16, 0, tzinfo=UTC)),
        ("4 hours", datetime(2026, 11, 20, 16, 0, tzinfo=UTC)),
        ("٣d", datetime(2026, 11, 23, 12, 0, tzinfo=UTC)),
        ("1w", datetime(2026, 11, 27, 12, 0, tzinfo=UTC)),
        ("tomorrow", datetime(2026, 11, 21, 6, 0, tzinfo=UTC)),
        ("until tomorrow", datetime(2026, 11, 21, 6, 0, tzinfo=UTC)),
        ("close", datetime(2026, 12, 1, 6, 0, tzinfo=UTC)),
        ("2026-12-24", datetime(2026, 12, 24, 6, 0, tzinfo=UTC)),
        ("off", None),
    ],
)
def test_a_rest_ends_at_a_stated_moment(typed: str, until: datetime | None) -> None:
    """Hours count from now; days end at nine in the morning of the reader's zone."""
    assert parse.parse(f"snooze 7 {typed}", NOW, RIYADH) == Snooze(Target("7"), until)


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ("retry cause:", Wrong.NO_CAUSE),
        ("retry cause:7 1042", Wrong.UNKNOWN_WORD),
        ("retry cause:7 cause:8", Wrong.UNKNOWN_WORD),
        ("fix", Wrong.NO_CAUSE),
        ("fix type:invoice", Wrong.NO_CAUSE),
        ("fix 7 8", Wrong.UNKNOWN_WORD),
        ("fix " + "9" * 500, Wrong.NO_CAUSE),
        ("skip", Wrong.NO_NUMBER),
        ("reopen", Wrong.NO_NUMBER),
        ("reopen 1042 1043", Wrong.TOO_MANY),
        ("reopen all", Wrong.NOT_A_NUMBER),
        ("skip all reason:x", Wrong.NOT_A_NUMBER),
        ("skip cause:7 reason:x", Wrong.NOT_A_NUMBER),
        ("skip 1042 1043 reason:x", Wrong.TOO_MANY),
        ("skip 1042", Wrong.NO_REASON),
        ('skip 1042 reason:"  "', Wrong.NO_REASON),
        ("link 1042", Wrong.NO_RECORD),
        ("link 1042 id:", Wrong.NO_RECORD),
        ("link 1042 id:1 id:2", Wrong.NO_RECORD),
        ("assign", Wrong.NO_CAUSE),
        ("assign me", Wrong.NO_CAUSE),
        ("assign 7", Wrong.NO_PERSON),
        ("assign 7 sara", Wrong.NO_PERSON),
        ("assign 7 me nobody", Wrong.UNKNOWN_WORD),
        ("snooze", Wrong.NO_CAUSE),
        ("snooze 7", Wrong.NO_END),
        ("snooze 7 forever", Wrong.NO_END),
        ("snooze 7 0h", Wrong.NO_END),
        ("snooze 7 999d", Wrong.NO_END),
        ("snooze 7 2026-01-01", Wrong.NO_END),
        ("snooze 7 2026-13-45", Wrong.NO_END),
        ("precheck a b", Wrong.UNKNOWN_WORD),
    ],
)
def test_half_a_decision_does_nothing(typed: str, wrong: Wrong) -> None:
    """What lacks its subject, its reason, its person or its end is named, and nothing is done."""
    problem = parse.parse(typed, NOW, RIYADH)
    assert isinstance(problem, Problem), problem
    assert problem.wrong is wrong
    assert problem.verb
