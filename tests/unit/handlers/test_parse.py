from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.problems import Problem, Wrong
from bot.verbs import DigestWord, FilterName, Verb
from handlers import parse
from handlers.words import nearest
from sync.documents import Kind
from sync.errors import ErrorType
from sync.records import Filters
from sync.states import Status

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RIYADH = ZoneInfo("Asia/Riyadh")


def filters_of(typed: str) -> Filters:
    """Return the filters that `typed` means."""
    command = parse.parse(typed, NOW, RIYADH)
    assert isinstance(command, parse.Log), command
    return command.filters


def problem_of(typed: str) -> Problem:
    """Return what is wrong with `typed`."""
    problem = parse.parse(typed, NOW, RIYADH)
    assert isinstance(problem, Problem), problem
    return problem


@pytest.mark.parametrize("typed", ["", "   ", "\u00a0", "status", "STATUS", "/status"])
def test_nothing_typed_is_the_status_card(typed: str) -> None:
    """The bare command shows the status card."""
    assert parse.parse(typed) == parse.Status()


@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("retry 1042", ("1042",)),
        ("RETRY #1042", ("1042",)),
        ("retry ١٠٤٢", ("1042",)),
        ("retry ۱۰۴۲، ۱۰۴۳", ("1042", "1043")),
        ("retry 1042, 1043;1044", ("1042", "1043", "1044")),
        ("retry\n1042\n1043\n", ("1042", "1043")),
        ("retry “1042”\u00a0‘1043’", ("1042", "1043")),
        ("retry <https://shop.example/orders/9|1042>", ("1042",)),
        ("retry <https://shop.example/orders/1042?tab=1&amp;x=2>", ("1042",)),
        ("retry https://shop.example/orders/1042/", ("1042",)),
        ("retry INV–1042", ("INV-1042",)),
        ("retry \u200e1042\u200f \u20681043\u2069", ("1042", "1043")),
        ("retry 1042 #1042 1042", ("1042",)),
    ],
)
def test_numbers_are_understood_in_every_form_they_are_pasted_in(
    typed: str, numbers: tuple[str, ...]
) -> None:
    """Hashes, Arabic digits, curly quotes, links, commas and odd blanks do not matter."""
    assert parse.parse(typed) == parse.Retry(numbers)


@pytest.mark.parametrize("verb", ["retry", "sync"])
def test_a_hundred_numbers_are_taken_and_no_more(verb: str) -> None:
    """A hundred numbers are a command; one more is a problem that names the limit."""
    numbers = [str(1000 + one) for one in range(101)]
    taken = parse.parse(f"{verb} " + "\n".join(numbers[:100]))
    assert isinstance(taken, parse.Retry | parse.Sync)
    assert len(taken.numbers) == 100
    problem = problem_of(f"{verb} " + " ".join(numbers))
    assert (problem.wrong, problem.limit) == (Wrong.TOO_MANY, 100)


@pytest.mark.parametrize("verb", ["retry", "show"])
def test_an_action_without_a_number_does_nothing(verb: str) -> None:
    """An empty list never means all: it is a problem."""
    assert problem_of(verb).wrong is Wrong.NO_NUMBER


@pytest.mark.parametrize("given", ["all", "everything", "status:failed", "<!channel>", "-"])
def test_what_is_no_number_is_named(given: str) -> None:
    """A word that is no number stops the whole command and is named."""
    problem = problem_of(f"retry 1042 {given}")
    assert problem.wrong is Wrong.NOT_A_NUMBER
    assert problem.verb is Verb.RETRY
    assert problem.given


def test_show_takes_one_number() -> None:
    """`show` is about one document; a bare number means the same."""
    assert parse.parse("show #1042") == parse.Show("1042")
    assert parse.parse("1042 share") == parse.Show("1042", share=True)
    assert problem_of("show 1 2").limit == 1


def test_an_unknown_verb_gets_the_two_nearest() -> None:
    """An unknown verb is named with the two that look most like it."""
    problem = problem_of("retyr 1042")
    assert (problem.wrong, problem.given) == (Wrong.UNKNOWN_VERB, "retyr")
    assert problem.near[0] == "retry"
    assert len(problem.near) == 2


@pytest.mark.parametrize("verb", ["export", "audit", "settings", "subscribe"])
def test_a_verb_that_is_not_built_is_unknown(verb: str) -> None:
    """Nothing pretends: what is not there is an unknown verb."""
    assert problem_of(f"{verb} 1042").wrong is Wrong.UNKNOWN_VERB


def test_every_verb_is_understood() -> None:
    """Each verb of the list leads to a command or asks for what it needs, in any case."""
    for verb in Verb:
        found = parse.parse(verb.value.upper())
        asks = {Wrong.NO_NUMBER, Wrong.NO_CAUSE, Wrong.UNKNOWN_SYSTEM}
        assert not isinstance(found, Problem) or found.wrong in asks


def test_connect_takes_a_system_and_a_name() -> None:
    """A system is known by its name in any case; a connection's name has no colon."""
    assert parse.parse("connect HubSpot") == parse.Connect("hubspot")
    assert parse.parse("connect quickbooks ledger-2") == parse.Connect("quickbooks", "ledger-2")
    unknown = problem_of("connect hubspott")
    assert (unknown.wrong, unknown.near[0]) == (Wrong.UNKNOWN_SYSTEM, "hubspot")
    for typed in ("connect hubspot a:b", "connect hubspot crm extra", "connect hubspot crm!"):
        assert problem_of(typed).wrong is Wrong.UNKNOWN_WORD


def test_failed_is_the_log_of_what_failed() -> None:
    """`failed` is `log status:failed`, and takes no status of its own."""
    assert filters_of("failed") == filters_of("log status:failed")
    assert problem_of("failed status:pending").wrong is Wrong.UNKNOWN_FILTER


def test_filters_narrow_the_log() -> None:
    """Every filter of the log reaches its field."""
    typed = (
        "log status:failed,pending TYPE:Returns error:sku-not-found source:shop dest:books 1042 #7"
    )
    assert filters_of(typed) == Filters(
        statuses=(Status.FAILED, Status.PENDING),
        kind=Kind.RETURN,
        error_type=ErrorType.SKU_NOT_FOUND,
        source="shop",
        destination="books",
        numbers=("1042", "7"),
    )


def test_a_cause_is_an_error_type_or_an_exact_key() -> None:
    """`cause:` takes an error type by name, else a key to the letter, its blanks in quotes."""
    assert filters_of("log cause:sku_not_found").error_type is ErrorType.SKU_NOT_FOUND
    assert filters_of("log cause:“HONEY-500 ”").cause_key == "HONEY-500 "
    assert filters_of('log cause:"HONEY-٥٠٠"').cause_key == "HONEY-٥٠٠"
    assert filters_of('log cause:"A &amp; B"').cause_key == "A & B"


def test_days_are_days_of_the_zone() -> None:
    """A day begins at its midnight in the zone, and `to` includes its day."""
    filters = filters_of("log from:2026-10-01 to:٢٠٢٦-١٠-٠٢")
    assert filters.since == datetime(2026, 9, 30, 21, 0, tzinfo=UTC)
    assert filters.until == datetime(2026, 10, 2, 21, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "since"),
    [
        ("since:7d", datetime(2026, 11, 13, 12, 0, tzinfo=UTC)),
        ("since:24h", datetime(2026, 11, 19, 12, 0, tzinfo=UTC)),
        ("since:2W", datetime(2026, 11, 6, 12, 0, tzinfo=UTC)),
        ("since: 7d", datetime(2026, 11, 13, 12, 0, tzinfo=UTC)),
        ("since:today", datetime(2026, 11, 19, 21, 0, tzinfo=UTC)),
        ("since:yesterday", datetime(2026, 11, 18, 21, 0, tzinfo=UTC)),
        ("since:2026-11-01", datetime(2026, 10, 31, 21, 0, tzinfo=UTC)),
    ],
)
def test_since_takes_a_span_or_a_day(typed: str, since: datetime) -> None:
    """`since:` understands hours, days, weeks, two words and a day."""
    assert filters_of(f"log {typed}").since == since


def test_an_unknown_filter_names_the_valid_ones() -> None:
    """An unknown filter is named, with all that there are."""
    problem = problem_of("log staus:failed")
    assert (problem.wrong, problem.given) == (Wrong.UNKNOWN_FILTER, "staus")
    assert problem.near[0] == "status"
    assert set(problem.valid) == set(FilterName)


@pytest.mark.parametrize(
    "typed",
    [
        "status:broken",
        "status:",
        "type:cow",
        "error:nonsense",
        "since:banana",
        "since:99999999d",
        "from:2026-13-01",
        "to:9999-12-31",
        "from:0001-01-01",
        "source:",
        f"cause:{'x' * 201}",
    ],
)
def test_a_wrong_value_is_named_with_its_filter(typed: str) -> None:
    """A filter with a value it does not take is a problem that names both."""
    problem = problem_of(f"log {typed}")
    assert problem.wrong is Wrong.WRONG_VALUE
    assert problem.filter == typed.partition(":")[0]


def test_a_stray_word_is_named() -> None:
    """A word that no filter explains is not silently dropped."""
    problem = problem_of("log yesterdy")
    assert (problem.wrong, problem.given) == (Wrong.UNKNOWN_WORD, "yesterdy")


def test_share_is_a_word_anywhere() -> None:
    """`share` makes an answer visible, wherever it stands."""
    assert parse.parse("log share") == parse.Log(Filters(), share=True)
    assert parse.parse("failed share type:invoice", NOW) == parse.Log(
        Filters(statuses=(Status.FAILED,), kind=Kind.INVOICE), share=True
    )
    assert parse.parse("share") == parse.Status(share=True)


def test_digest_previews_unless_told_to_post() -> None:
    """Posting is asked for by its word; anything else is named."""
    assert parse.parse("digest") == parse.Digest(DigestWord.PREVIEW)
    assert parse.parse("digest NOW") == parse.Digest(DigestWord.NOW)
    assert problem_of("digest tomorrow").wrong is Wrong.UNKNOWN_WORD


def test_help_is_about_everything_or_one_verb() -> None:
    """Help of an unknown verb says that there is none."""
    assert parse.parse("help") == parse.Help()
    assert parse.parse("?") == parse.Help()
    assert parse.parse("help Retry") == parse.Help(Verb.RETRY)
    assert problem_of("help retyr").near[0] == "retry"


def test_nearest_is_by_likeness() -> None:
    """The nearest words come in the order of their likeness."""
    assert nearest("faild", ["log", "failed", "retry"])[0] == "failed"


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(typed: str) -> None:
    """Whatever is typed is a command or a problem."""
    assert parse.parse(typed) is not None
    assert parse.parse(f"log {typed}") is not None
    assert parse.parse(f"retry {typed}") is not None


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("sync", parse.Sync(())),
        ("sync 1042 route:shop:books", parse.Sync(("1042",), "shop:books")),
        ("sync route:shop:books", parse.Sync((), "shop:books")),
        ("backfill", parse.Backfill()),
        ("backfill shop:books", parse.Backfill("shop:books")),
        ("backfill route:my-shop:books", parse.Backfill("my-shop:books")),
        ("backfill my-shop:my.books", parse.Backfill("my-shop:my.books")),
        ("backfill from:2026-01-01", parse.Backfill(None, date(2026, 1, 1))),
        (
            "BACKFILL “shop:books” to:٢٠٢٦-٠٣-٣١ from: 2026–01–01",
            parse.Backfill("shop:books", date(2026, 1, 1), date(2026, 3, 31)),
        ),
        ("backfill stop", parse.StopBackfill()),
        ("backfill Stop shop:books", parse.StopBackfill("shop:books")),
    ],
)
def test_routes_and_periods(typed: str, command: parse.Command) -> None:
    """A route and days are read in the forms they are typed in; what is missing asks for a form."""
    assert parse.parse(typed, NOW, RIYADH) == command


@pytest.mark.parametrize(
    ("typed", "wrong", "given"),
    [
        ("sync 1042 route:a:b route:c:d", Wrong.UNKNOWN_WORD, "route:c:d"),
        ("sync route:a:b banana", Wrong.NOT_A_NUMBER, "banana"),
        ("retry 1042 route:a:b", Wrong.NOT_A_NUMBER, "route:a:b"),
        ("backfill from:yesterday", Wrong.WRONG_VALUE, "yesterday"),
        ("backfill to:2026-02-30", Wrong.WRONG_VALUE, "2026-02-30"),
        ("backfill to:", Wrong.WRONG_VALUE, ""),
        ("backfill shop:books now", Wrong.UNKNOWN_WORD, "now"),
        ("backfill stop from:2026-01-01", Wrong.UNKNOWN_WORD, "from:2026-01-01"),
    ],
)
def test_a_wrong_route_or_day_is_named(typed: str, wrong: Wrong, given: str) -> None:
    """What no backfill and no sync can follow is named."""
    problem = problem_of(typed)
    assert (problem.wrong, problem.given) == (wrong, given)
