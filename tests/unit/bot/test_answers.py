from dataclasses import replace
from datetime import timedelta

import pytest

from bot.digest_samples import CALM, a_cause
from bot.digest_samples import figures as figures_of
from bot.permissions import Action, Refused, Role, Why
from bot.problems import Problem, Wrong
from bot.samples import BARE, FAILED, NOW, PENDING, SUCCESS
from bot.verbs import FilterName, Verb
from sync.causes import Cause
from sync.documents import Kind
from sync.errors import ErrorType
from sync.records import Actor, Answer, Found, Numbered, Retried
from sync.states import Status
from tests.unit.bot.drawn import a_show, pressed, read_aloud, words

SARA = Actor("U0SARA", "Sara")


def test_success_is_told_in_the_seeds_words() -> None:
    """A synced document is told with both links."""
    message = a_show().finished(SUCCESS)
    assert "INV-1042: ✓ Invoice synced successfully. Open in Daftra | Open in Salla" in read_aloud(
        message
    )
    assert message["text"] == "INV-1042: Invoice synced successfully."


def test_failure_is_told_in_the_seeds_words() -> None:
    """A failed document is told with its reason, what to do, and both buttons."""
    message = a_show().finished(FAILED)
    shown = read_aloud(message)
    assert f"INV-1042: ✗ Failed to sync invoice. {FAILED.reason}" in shown
    assert "Create it in Daftra with the exact SKU, then retry." in shown
    assert message["text"] == f"INV-1042: Failed to sync invoice. {FAILED.reason}"
    assert pressed(message, "retry")
    assert pressed(message, "view")


def _stop(kind: ErrorType, key: str) -> Cause:
    return replace(a_cause(), id=7, error_type=kind, key=key)


def test_a_cause_that_still_stands_is_told_with_its_fix() -> None:
    """After a retry the answer says what is still missing, and its fix is one press away."""
    message = a_show().finished(FAILED, [_stop(ErrorType.SKU_NOT_FOUND, "HONEY-500")])
    told = "Failed to sync invoice. SKU HONEY-500 is still missing in Daftra."
    assert message["text"] == f"INV-1042: {told}"
    assert told in read_aloud(message)
    buttons = [pressed(message, name) for name in ("fix", "retry", "view")]
    assert [one[0]["value"] for one in buttons] == ["7 7", "7", "7"]


def test_a_first_failure_gives_its_reason_and_counts_what_else_stops_it() -> None:
    """Nothing is *still* missing the first time; other causes are counted."""
    first = replace(FAILED, failures=1, retries=0)
    stops = [
        _stop(ErrorType.SKU_NOT_FOUND, "HONEY-500"),
        replace(_stop(ErrorType.CUSTOMER_EMAIL_MISSING, "7"), id=8),
    ]
    text = a_show().finished(first, stops)["text"]
    assert text.endswith(f"{FAILED.reason} One more thing stops it: View lists all.")


def test_what_goes_on_by_itself_promises_its_end() -> None:
    """Who is told that it is tried again by itself is told the end too."""
    row = replace(FAILED, not_before=NOW, error_type=ErrorType.DESTINATION_DOWN)
    shown = read_aloud(a_show().finished(row, retrying=True))
    assert "Tries again by itself at" in shown
    assert "I will tell you when it ends." in shown


def test_a_reason_that_begins_with_an_arabic_name_reads_from_the_left() -> None:
    """A customer's Arabic name at the beginning does not turn an English sentence round."""
    customer = "مؤسسة النخيل التجارية"
    row = replace(FAILED, failures=1, reason=f"{customer} has no email")
    shown = words(a_show().finished(row))
    assert f"`\u200e{customer} has no email`" in shown


def test_a_return_is_named_as_one() -> None:
    """The sentence is the same for a return, which is named beside its number."""
    assert (
        "(return): Invoice synced" in a_show().finished(replace(SUCCESS, kind=Kind.RETURN))["text"]
    )


def test_a_success_found_by_the_look_up_says_that_nothing_was_sent() -> None:
    """What existed already is a success that says so."""
    row = replace(SUCCESS, note=ErrorType.ALREADY_SYNCED.value)
    assert "Already synced: it was in Daftra as 1045" in read_aloud(a_show().finished(row))


def test_a_lost_answer_that_healed_says_that_it_was_sent_once() -> None:
    """What we sent ourselves is not called an invoice that existed already."""
    row = replace(SUCCESS, note=ErrorType.ALREADY_SYNCED.value, sent_at=NOW)
    told = read_aloud(a_show().finished(row))
    assert "Sent once, and the answer was lost: found in Daftra as 1045" in told
    assert "Already synced" not in told


@pytest.mark.parametrize(
    ("retried", "sentence"),
    [
        (Retried(Answer.QUEUED, PENDING), "INV-1042 is pending again and will be sent."),
        (Retried(Answer.HURRIED, PENDING), "INV-1042 was pending and moved to the front."),
        (
            Retried(Answer.HURRIED, PENDING, SARA),
            "INV-1042 is pending already. <@U0SARA> was first; you will both be told",
        ),
        (
            Retried(Answer.HURRIED, PENDING, SARA, again=True),
            "INV-1042 is pending already. You asked for it already; I will tell you when it ends.",
        ),
        (
            Retried(Answer.ALREADY_SYNCED, SUCCESS),
            "INV-1042 was already synced on 9 Oct 2026 as 1045. Nothing sent. Open in Daftra",
        ),
        (
            Retried(Answer.ALREADY_SYNCED, SUCCESS, SARA),
            "Nothing sent. <@U0SARA> was first, and that retry did it.",
        ),
        (
            Retried(Answer.ALREADY_SYNCED, SUCCESS, SARA, again=True),
            "Nothing sent. Your own retry did it.",
        ),
        (
            Retried(
                Answer.PROCESSING,
                replace(FAILED, status=Status.PROCESSING, attempted_at=NOW - timedelta(seconds=18)),
            ),
            "INV-1042 is processing (18 s). I will tell you when it ends.",
        ),
        (Retried(Answer.WAITS_FOR_CONNECTION, PENDING), "INV-1042 waits for the connection."),
        (
            Retried(Answer.SKIPPED, PENDING),
            "An approver can reopen it: /invsync reopen INV-1042, or Reopen… in its View.",
        ),
        (Retried(Answer.NOT_FOUND, None), "1042: record not found."),
    ],
)
def test_each_press_is_answered(retried: Retried, sentence: str) -> None:
    """An answer names the object, what was done and what comes next."""
    message = a_show().retried([("1042", retried)])
    assert sentence in read_aloud(message)
    named = retried.sync.number if retried.sync else "1042"
    assert message["text"].startswith(named)


def test_the_plain_text_names_who_was_first() -> None:
    """The fallback names a person by name, since it holds no mention."""
    text = a_show().retried([("1", Retried(Answer.PROCESSING, PENDING, SARA))])["text"]
    assert "Sara was first" in text


def test_a_hundred_answers_fit() -> None:
    """A hundred numbers are answered one by one within Slack's limits."""
    message = a_show().retried(
        [(str(number), Retried(Answer.QUEUED, FAILED)) for number in range(100)]
    )
    assert len(message["blocks"]) <= 50
    assert words(message).count("is pending again") == 100


def test_a_number_that_is_not_in_the_log_leads_to_sync() -> None:
    """Where nothing was found the next step is named."""
    message = a_show().retried([("77", Retried(Answer.NOT_FOUND, None))])
    assert "/invsync sync 77" in read_aloud(message)


def test_sync_answers_number_by_number() -> None:
    """Each number is answered: its documents, record not found, not ready, or the trouble."""
    shown = read_aloud(
        a_show().brought(
            [
                Numbered("4043", Found.FOUND, [PENDING, replace(SUCCESS, kind=Kind.RETURN)]),
                Numbered("1", Found.NOT_FOUND),
                Numbered("2", Found.NOT_READY, (), "in_progress"),
                Numbered("3", Found.TROUBLE, (), "Salla answered 503"),
            ]
        )
    )
    assert "4043: Invoice INV-1042: pending. I will tell you when it ends." in shown
    assert "Return INV-1042: already synced on 9 Oct 2026 as 1045. Nothing sent." in shown
    assert "1: record not found." in shown
    assert "2: not ready, its order is in status in_progress." in shown
    assert "3: could not be fetched. Salla answered 503" in shown


@pytest.mark.parametrize(
    ("refused", "ask", "sentence"),
    [
        (
            Refused(Action.RETRY, Why.ROLE, Role.OPERATOR),
            "@finance-ops",
            "You can look, not retry. Ask @finance-ops.",
        ),
        (
            Refused(Action.LOOK, Why.STRANGER, Role.VIEWER),
            "@finance",
            "You have no role in invsync yet. Ask @finance.",
        ),
        (
            Refused(Action.LOOK, Why.OUTSIDER, Role.VIEWER),
            None,
            "Guests, bots and people of other workspaces cannot use invsync.",
        ),
        (
            Refused(Action.RETRY, Why.UNKNOWN, Role.OPERATOR),
            "@finance-ops",
            "Slack did not say who you are just now, so nothing was done.",
        ),
    ],
)
def test_a_refusal_says_why_and_whom_to_ask(
    refused: Refused, ask: str | None, sentence: str
) -> None:
    """A refusal is one sentence with the next step."""
    assert sentence in a_show().refused(refused, ask)["text"]


@pytest.mark.parametrize(
    ("problem", "parts"),
    [
        (
            Problem(Wrong.UNKNOWN_VERB, "retyr", near=("retry", "status")),
            ["I do not know retyr.", "/invsync retry or /invsync status", "/invsync help"],
        ),
        (
            Problem(Wrong.UNKNOWN_FILTER, "foo", Verb.LOG, valid=tuple(FilterName)),
            ["log has no filter foo:", "status:, type:"],
        ),
        (
            Problem(Wrong.WRONG_VALUE, "cow", Verb.LOG, FilterName.TYPE, (), ("invoice", "return")),
            ["type: does not take cow", "It takes invoice, return."],
        ),
        (
            Problem(Wrong.WRONG_VALUE, "banana", Verb.LOG, FilterName.SINCE),
            ["since: does not take banana", "since:7d"],
        ),
        (
            Problem(Wrong.NO_NUMBER, verb=Verb.RETRY),
            ["retry needs a number", "/invsync retry 1042"],
        ),
        (Problem(Wrong.NOT_A_NUMBER, "all", verb=Verb.RETRY), ["all is not an order or document"]),
        (Problem(Wrong.TOO_MANY, "101", verb=Verb.SYNC, limit=100), ["takes up to 100 numbers"]),
        (Problem(Wrong.NOT_FOUND, "77"), ["77: record not found", "/invsync sync 77"]),
        (Problem(Wrong.OLD_PAGE), ["older message", "/invsync log"]),
        (Problem(Wrong.NO_CHANNEL), ["No channel is set", "INVSYNC_DIGEST_CHANNEL"]),
        (Problem(Wrong.UNKNOWN_WORD, "x", Verb.DIGEST), ["cannot use the word x", "digest now"]),
    ],
)
def test_a_problem_is_named_with_the_next_step(problem: Problem, parts: list[str]) -> None:
    """What is wrong is named, and so is what to type instead."""
    message = a_show().wrong(problem)
    for part in parts:
        assert part in read_aloud(message)
    assert parts[0] in message["text"]


def test_help_lists_every_verb() -> None:
    """Help names each verb with what it does."""
    shown = read_aloud(a_show().help())
    for verb in Verb:
        assert f"/invsync {verb} " in shown


@pytest.mark.parametrize("verb", list(Verb))
def test_help_of_a_verb_says_who_may_and_what_it_never_does(verb: Verb) -> None:
    """A verb's help has what it does, who may, two examples and what it never does."""
    shown = read_aloud(a_show().help(verb))
    for part in ("Who may", "Examples", "What it never does"):
        assert part in shown
    assert shown.split("Examples")[1].count("/invsync") >= 2


def test_the_card_says_how_things_stand() -> None:
    """The status card counts what needs somebody and leads to it."""
    message = a_show().status(figures_of([a_cause()]))
    assert "38 documents need you" in message["text"]
    line = "SKU missing in Daftra: HONEY-500: 38 documents, SAR 41,250.00, oldest 3 d"
    assert line in read_aloud(message)
    assert len(pressed(message, "show_all")) == 2


def test_the_card_says_what_is_theirs() -> None:
    """What somebody has taken on stands on their own card alone."""
    found = figures_of([a_cause(owner=SARA), a_cause(2, key="WAX-1", count=3)])
    theirs = read_aloud(a_show().status(found, SARA.id))
    assert "Yours: 1 cause, 38 documents, SAR 41,250.00" in theirs
    assert "Yours" not in read_aloud(a_show().status(found, "U0OTHER"))


def test_the_card_of_an_empty_house_says_what_to_do() -> None:
    """Without routes the card names the first step."""
    assert "No route yet" in read_aloud(a_show().status(CALM))


def test_the_card_says_that_no_worker_runs() -> None:
    """Where lanes are handed out and nobody works them, the card begins with that."""
    calm = a_show().status(replace(CALM, unattended=True))
    assert calm["text"].startswith("No worker is running.")
    assert "Every document is synced" not in read_aloud(calm)
    failing = a_show().status(figures_of([a_cause()], unattended=True))
    assert "app.py work" in read_aloud(failing)
    assert "38 documents, SAR 41,250.00" in read_aloud(failing)


def test_trouble_of_ours_has_a_reference() -> None:
    """An error of our own says that nothing was lost and gives support a reference."""
    assert "Reference 1f3c." in a_show().trouble("1f3c")["text"]


def test_the_promise_counts_the_numbers() -> None:
    """`sync` answers at once with how many numbers are being fetched."""
    assert a_show().fetching(["1"])["text"].startswith("Fetching 1 number.")
    assert a_show().fetching(["1", "2"])["text"].startswith("Fetching 2 numbers.")


def test_a_bare_row_can_be_finished() -> None:
    """A document without links or amount is told without empty parts."""
    shown = read_aloud(a_show().finished(replace(BARE, status=Status.SUCCESS)))
    assert shown == "4043: ✓ Invoice synced successfully."
