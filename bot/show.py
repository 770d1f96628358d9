"""Everything that people are shown, by name: each method returns a message or a modal for Slack.

A message is `{"text", "blocks"}`; who sees it and where is decided elsewhere. Words are in
`templates/`, one file a method.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot import limits
from bot.answers import brought_view, finished_view, retried_view
from bot.backfill import FormView, backfill_view
from bot.blockkit import characters
from bot.bulking import bulk_view
from bot.cause import cause_view
from bot.causes import Wanted, causes_view
from bot.channels import Audience
from bot.digest import digest_view
from bot.document import MOST_LISTED, document_view
from bot.fixes import DRAWN as FORMS_DRAWN
from bot.fixes import FixView, ToldView
from bot.holding import hold_message_view
from bot.listing import MOST_LINES, Listed
from bot.log import TWO_LINKS, log_view
from bot.notices import Why
from bot.permissions import Person, Refused
from bot.precheck import precheck_view
from bot.problems import Problem
from bot.render import Renderer
from bot.reopened import ReopenedView
from bot.rows import row_of, who_of
from bot.status import status_view
from bot.text import ELLIPSIS
from bot.verbs import Verb
from sync.batches import Batch, Progress
from sync.bulk import BulkProgress
from sync.causes import Cause, Deed
from sync.clock import Clock
from sync.connectors.base import Choice
from sync.consents import Connected
from sync.figures import Figures
from sync.nearness import Near
from sync.outward import Digest
from sync.precheck import Precheck
from sync.records import Filters, Numbered, Page, Retried, Sync
from sync.store import Trouble
from sync.store.holds import HoldRow
from sync.stories import Story

MOST_DOCUMENTS = 20
"""How many documents of one number are listed; an order has an invoice and a few returns."""

MOST_BLOCKS = 25
MOST_CHARACTERS = 10_000
"""Product, section 4: Slack refuses a post of about 12,000 characters in all."""

Message = dict[str, Any]


class Show:
    """Draws what the engine knows; `zone` is for times where Slack cannot tell the reader's."""

    def __init__(self, renderer: Renderer, clock: Clock, zone: ZoneInfo) -> None:
        self._renderer = renderer
        self._clock = clock
        self._zone = zone

    def log(
        self, page: Page, filters: Filters, cursor: str | None, *, may_act: bool = True
    ) -> Message:
        """Return a page of the log with its Newer and Older buttons."""
        message: Message = {}
        for links in range(TWO_LINKS, -1, -1):
            view = log_view(page, filters, cursor, may_act=may_act, links=links)
            message = self._draw("log", view=view)
            if _fits(message, limits.MESSAGE_BLOCKS):
                break
        return message

    def status(self, figures: Figures, person: str = "") -> Message:
        """Return the status card; `person` is the Slack user id of whom it says what is theirs."""
        view = status_view(figures, self._clock.now(), person)
        return self._draw("status", view=view)

    def causes(
        self, causes: Sequence[Cause], wanted: Wanted, start: int, names: Mapping[int, str]
    ) -> Message:
        """Return the page of the list of open causes that begins at `start`.

        `names` are those of customers, by the cause that is about them.
        """
        view = causes_view(causes, wanted, start, self._clock.now(), names)
        return self._draw("causes", view=view)

    def digest(
        self,
        figures: Figures,
        digest: Digest,
        listed: Listed,
        next_at: datetime | None = None,
    ) -> Message:
        """Return the digest as things stand, with as many open lines as fit a post."""
        message: Message = {}
        for most in range(MOST_LINES, -1, -1):
            message = self._digest(figures, digest, listed, next_at, most)
            if _fits(message, MOST_BLOCKS):
                break
        return message

    def digest_sent(self, _digest: Digest) -> Message:
        """Answer `digest now`."""
        return self._draw("digest_sent")

    def cause(self, cause: Cause, deeds: Sequence[Deed], syncs: Sequence[Sync]) -> Message:
        """Return one cause as a modal; `syncs` are documents that it stops, newest first."""
        return self._draw("cause", view=cause_view(cause, deeds, syncs, self._clock.now()))

    def cause_told(self, cause: Cause, deeds: Sequence[Deed], syncs: Sequence[Sync]) -> Message:
        """Return the same as a message."""
        return self._draw("cause_told", view=cause_view(cause, deeds, syncs, self._clock.now()))

    def document(self, story: Story) -> Message:
        """Return View: a modal that opens with the link to the document."""
        return self._draw("document", view=document_view(story))

    def story(self, story: Story) -> Message:
        """Return one document as a message, with the same content as View."""
        message: Message = {}
        for most in range(MOST_LISTED, 0, -1):
            message = self._draw("story", view=document_view(story, most))
            if _fits(message, limits.MESSAGE_BLOCKS):
                break
        return message

    def documents(self, syncs: Sequence[Sync]) -> Message:
        """Return the documents of one number, newest first."""
        rows = [row_of(sync) for sync in syncs[:MOST_DOCUMENTS]]
        more = len(syncs) > len(rows)
        return self._draw("documents", rows=rows, count=len(syncs), more=more)

    def retried(self, answers: Sequence[tuple[str, Retried]]) -> Message:
        """Answer presses on Retry: each number with what was done."""
        return self._draw("retried", view=retried_view(answers, self._clock.now()))

    def finished(
        self, sync: Sync, causes: Sequence[Cause] = (), *, retrying: bool = False
    ) -> Message:
        """Tell how an attempt ended: "Invoice synced successfully" or "Failed to sync invoice".

        `causes` are what stops it; `retrying` promises to tell the end too.
        """
        return self._draw("finished", view=finished_view(sync, causes, retrying=retrying))

    def fetching(self, numbers: Sequence[str], done: int | None = None) -> Message:
        """Promise the answer to `sync`; `done` is how many were fetched, once some were."""
        return self._draw("fetching", count=len(numbers), done=done)

    def brought(self, answers: Sequence[Numbered]) -> Message:
        """Answer `sync`: a line per number."""
        return self._draw("brought", view=brought_view(answers))

    def refused(self, refused: Refused, ask: str | None) -> Message:
        """Say what somebody may not do, and whom to ask (a group's handle)."""
        return self._draw("refused", action=refused.action.value, why=refused.why.value, ask=ask)

    def wrong(self, problem: Problem) -> Message:
        """Name what was typed or pressed and cannot be followed, and the next step."""
        return self._draw("wrong", problem=problem)

    def field(self, problem: Problem) -> Message:
        """Name what was entered in a form and cannot be followed; its text stands at the field."""
        return self._draw("field", problem=problem)

    def sync_form(self, form: FormView) -> Message:
        """Return the modal that takes numbers to sync."""
        return self._draw("sync_form", view=form)

    def backfill_form(self, form: FormView) -> Message:
        """Return the modal that takes a route and a period."""
        return self._draw("backfill_form", view=form)

    def backfill(self, progress: Progress) -> Message:
        """Return a backfill's one message as it stands."""
        return self._draw("backfill", view=backfill_view(progress, self._clock.now()))

    def backfill_told(self, batch: Batch, told: str) -> Message:
        """Answer what was asked of a backfill: it has `begun`, is `stopping` or had `ended`."""
        return self._draw("backfill_told", batch=batch, told=told)

    def bulk(self, progress: BulkProgress) -> Message:
        """Return a bulk retry's one message as it stands."""
        return self._draw("bulk", view=bulk_view(progress, self._clock.now()))

    def bulk_told(self, progress: BulkProgress | None, told: str) -> Message:
        """Answer a press about a bulk retry; what it `told` stands in `bulk_told.xml`."""
        view = bulk_view(progress, self._clock.now()) if progress else None
        return self._draw("bulk_told", view=view, told=told)

    def precheck(self, precheck: Precheck) -> Message:
        """Return a precheck's one message as it stands."""
        return self._draw("precheck", view=precheck_view(precheck, self._clock.now()))

    def precheck_page(self, precheck: Precheck, start: int) -> Message:
        """Return what it found from `start` on, for one person."""
        view = precheck_view(precheck, self._clock.now(), start, living=False)
        return self._draw("precheck", view=view)

    def precheck_told(self, precheck: Precheck, told: str) -> Message:
        """Answer what was asked of a precheck; what it `told` stands in `precheck_told.xml`."""
        who = who_of(precheck.by)
        return self._draw("precheck_told", precheck=precheck, by=who, told=told)

    def hold(self, hold: HoldRow) -> Message:
        """Return a held connection's one message as it stands."""
        return self._draw("hold", view=hold_message_view(hold))

    def paused(self, what: str, name: str, names: Sequence[str]) -> Message:
        """Answer a pause or a resume: `paused`, `held`, `resumed`, `running` or `unknown`."""
        return self._draw("paused", what=what, name=name, names=names)

    def fix_form(self, form: str | None, view: FixView) -> Message:
        """Return the modal that asks for a fix or a decision; without one what to do where."""
        return self._draw(FORMS_DRAWN.get(form or "", "fix_none"), view=view)

    def fix_working(self, system: str) -> Message:
        """Return the modal that stands while a fix is being done."""
        return self._draw("fix_working", system=system)

    def fix_told(self, view: ToldView) -> Message:
        """Return the modal that tells what came of a fix."""
        return self._draw("fix_told", view=view)

    def fix_said(self, view: ToldView) -> Message:
        """Tell the same where the form is closed."""
        return self._draw("fix_said", view=view)

    def fix_field(self, view: ToldView) -> Message:
        """Name what is wrong with an entry of a fix."""
        return self._draw("fix_field", view=view)

    def fix_records(self, near: Sequence[tuple[Choice, Near]], others: Sequence[Choice]) -> Message:
        """Return the records that a search found, near matches apart: a select each."""
        return self._draw("fix_records", near=near, others=others)

    def fix_people(self, people: Sequence[Person]) -> Message:
        """Return the people that a search found, as a select."""
        return self._draw("fix_people", people=people)

    def linking(self, sync: Sync, named: str, *, sure: bool = False) -> Message:
        """Promise to compare a document with one of the books, and to link them.

        `sure`: the person has confirmed what differs.
        """
        return self._draw("linking", row=row_of(sync), named=named, sure=sure)

    def reopened(self, view: ReopenedView) -> Message:
        """Return what became of a press on Reopen."""
        return self._draw("reopened", view=view)

    def connect(self, system: str, name: str, url: str) -> Message:
        """Give the link that begins a connection in the browser."""
        return self._draw("connect", system=system, name=name, url=url)

    def connected(self, done: Connected) -> Message:
        """Tell who began it that a connection stands."""
        return self._draw("connected", done=done, system=done.connection.system)

    def help(self, verb: Verb | None = None) -> Message:
        """Explain a verb, or list them all."""
        return self._draw("help", verb=verb, verbs=list(Verb))

    def unshared(self, message: Mapping[str, Any], audience: Audience) -> Message:
        """Return a message that only its reader sees, with the reason why it was not shared."""
        why = self._draw("unshared", audience=audience.value)
        blocks = [*message["blocks"], *why["blocks"]]
        text = f"{message['text']} {why['text']}"
        return {**message, "text": text, "blocks": blocks[-limits.MESSAGE_BLOCKS :]}

    def undelivered(self, channel: str, why: Why, code: str, *, is_digest: bool) -> Message:
        """Say that a channel did not get what follows, why, and what to do."""
        model = {"channel": channel, "why": why.value, "code": code, "is_digest": is_digest}
        return self._draw("undelivered", **model)

    def undrawn(self, place: str | None, code: str, reference: str, *, is_digest: bool) -> Message:
        """Say which message went out as text alone; `place` is its channel, if it has one."""
        model = {"channel": place, "code": code, "reference": reference, "is_digest": is_digest}
        return self._draw("undrawn", **model)

    def trouble(self, reference: str) -> Message:
        """Say that our own code failed and nothing was lost."""
        return self._draw("trouble", reference=reference)

    def unstored(self, trouble: Trouble) -> Message:
        """Say that the database did not take what was pressed or typed."""
        return self._draw("unstored", trouble=trouble.value)

    def _digest(
        self,
        figures: Figures,
        digest: Digest,
        listed: Listed,
        next_at: datetime | None,
        most: int,
    ) -> Message:
        view = digest_view(
            figures, digest, listed, now=self._clock.now(), next_at=next_at, most=most
        )
        return self._draw("digest", view=view)

    def _draw(self, template: str, **model: Any) -> Message:
        return self._renderer.show(template, zone=self._zone, **model)


def _fits(message: Message, most_blocks: int) -> bool:
    """Return whether the message is within our limits, and whole: the compiler left nothing out."""
    blocks = message["blocks"]
    is_short = len(blocks) <= most_blocks and characters(blocks) <= MOST_CHARACTERS
    return is_short and not any(_is_gap(block) for block in blocks)


def _is_gap(block: dict[str, Any]) -> bool:
    """Return whether a block only marks the place where others were left out."""
    return any(part.get("text") == ELLIPSIS for part in block.get("elements", ()))
