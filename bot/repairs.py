"""Fixes as errands: what a form asked for is done here, where systems may take their time.

A crash between promise and end runs it again, which has no second effect: the form's receipt goes
with it. The outcome stands in the form, or, where that is closed, is told to the person.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from slack_sdk import WebClient

from bot.actions import CallbackId
from bot.fixes import Bulked, told_view
from bot.listed import Place, anew, kept_place, shown_at
from bot.posts import direct, errand, uid_of, whisper
from bot.sender import Outcome, Sent
from bot.show import Show
from bot.web_api import TROUBLE
from sync.bulk import AlreadyRunning, BulkState, Nothing
from sync.causes import Cause, DeedKind, Verdict
from sync.engine import Engine
from sync.mending import Done, NewProduct, NotDone
from sync.money import Money
from sync.outward import Post
from sync.records import Actor

MEND = "mend"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form asked for: of which cause, by whom, and where the outcome is told.

    `view` is the form; `channel` where it was opened, or empty; `public` where others see that.
    """

    form: CallbackId
    cause_id: int
    sync_id: int | None
    values: Mapping[str, str]
    by: Actor
    receipt: str
    view: str
    channel: str
    public: bool
    place: Place | None = None
    """The list of causes that it was begun from: it is drawn anew once it is done."""

    pressed: bool = False
    """It was asked for by a button of `view`, which is no form that works already."""

    @property
    def document(self) -> int | None:
        """The one document that it is about, chosen in the form or the one it was opened for."""
        chosen = self.values.get("document", "")
        return int(chosen) if chosen else self.sync_id

    @property
    def retries(self) -> bool:
        """Whether a retry is to follow."""
        return "retry" in self.values.get("then", "").split()


def mend(asked: Asked) -> Post:
    """Return the errand of doing what a form asked for."""
    body = {
        "form": asked.form.value,
        "cause": asked.cause_id,
        "sync": asked.sync_id,
        "values": dict(asked.values),
        "user": asked.by.id,
        "name": asked.by.name,
        "receipt": asked.receipt,
        "view": asked.view,
        "channel": asked.channel,
        "public": asked.public,
        "pressed": asked.pressed,
        "list": asked.place.kept() if asked.place else None,
    }
    return errand(MEND, uid_of(asked.receipt, MEND), body)


def begin_retry(
    engine: Engine, cause: Cause, by: Actor, receipt: str, told: dict[str, Any]
) -> Bulked:
    """Begin the retry of what a cause stops; `told` says where its own message stands."""
    try:
        bulk = engine.bulks.begin(cause, by, receipt, message=told)
    except AlreadyRunning:
        return Bulked.RUNNING
    except Nothing:
        return Bulked.NOTHING
    return Bulked.ASKED if bulk.state is BulkState.ASKED else Bulked.BEGUN


@dataclass(frozen=True, slots=True)
class Mend:
    """Does what forms ask for, and tells what came of it."""

    engine: Engine
    show: Show
    client: WebClient

    def __call__(self, post: Post) -> Outcome:
        """Run the errand; it calls the systems, so it may take a while."""
        asked = _asked(post.body)
        deeds: Mapping[CallbackId, Callable[[Asked], Done]] = {
            CallbackId.FIX_EMAIL: self._email,
            CallbackId.FIX_PRODUCT: self._product,
            CallbackId.FIX_RECORD: self._record,
            CallbackId.FIX_LINK: self._link,
            CallbackId.SKIP: self._skip,
        }
        self._begin(asked)
        try:
            came: Done | NotDone = deeds[asked.form](asked)
        except NotDone as not_done:
            came = not_done
        cause = self.engine.store.causes.get(asked.cause_id)
        bulked = self._retried(asked, cause, came)
        self._tell(post, asked, cause, came, bulked)
        if asked.place and isinstance(came, Done):
            for drawn in anew(self.engine, self.show, asked.place, asked.receipt):
                self._put(drawn)
        return Sent()

    def _begin(self, asked: Asked) -> None:
        """Let the modal of a button say that it works; a form says so by itself."""
        if not (asked.view and asked.pressed):
            return
        cause = self.engine.store.causes.get(asked.cause_id)
        content = self.show.fix_working(cause.system if cause else "")
        with suppress(*TROUBLE):  # what comes of it is told in any case
            self.client.views_update(
                view_id=asked.view, view={**content, "private_metadata": asked.channel}
            )

    def _email(self, asked: Asked) -> Done:
        here = asked.values.get("where") == "here"
        email = asked.values.get("email", "")
        fixing = self.engine.fixing
        return fixing.give_email(asked.cause_id, email, asked.by, asked.receipt, here=here)

    def _product(self, asked: Asked) -> Done:
        if asked.values.get("how") != "create":
            return self._record(asked)
        name, price = asked.values.get("name", ""), asked.values.get("price", "")
        cause = self.engine.store.causes.get(asked.cause_id)
        currency = cause.amounts[0].currency if cause and cause.amounts else ""
        money = Money.of(Decimal(price), currency) if price and currency else None
        wanted = NewProduct(name, money, asked.values.get("account", ""))
        fixing = self.engine.fixing
        return fixing.create_product(asked.cause_id, wanted, asked.by, asked.receipt)

    def _record(self, asked: Asked) -> Done:
        record = asked.values.get("record", "")
        return self.engine.fixing.choose(asked.cause_id, record, asked.by, asked.receipt)

    def _link(self, asked: Asked) -> Done:
        sync_id, named = int(asked.values["document"]), asked.values.get("named", "")
        return self.engine.fixing.link(
            sync_id,
            named,
            asked.by,
            asked.receipt,
            asked.cause_id,
            seen=asked.values.get("seen", ""),
        )

    def _skip(self, asked: Asked) -> Done:
        reason, fixing = asked.values.get("reason", ""), self.engine.fixing
        if asked.sync_id is not None:
            return fixing.skip(asked.sync_id, reason, asked.by, asked.receipt)
        return fixing.skip_cause(asked.cause_id, reason, asked.by, asked.receipt)

    def _retried(self, asked: Asked, cause: Cause | None, came: Done | NotDone) -> Bulked:
        if not asked.retries or not isinstance(came, Done) or cause is None:
            return Bulked.NOT_ASKED
        if came.checked and came.checked.verdict is Verdict.STILL:
            return Bulked.STILL
        if not cause.open:
            return Bulked.NOTHING
        told = shown_at(asked.channel if asked.public else None, asked.place)
        return begin_retry(self.engine, cause, asked.by, uid_of(asked.receipt, "then"), told)

    def _tell(
        self,
        post: Post,
        asked: Asked,
        cause: Cause | None,
        came: Done | NotDone,
        bulked: Bulked,
    ) -> None:
        kind = came.kind if isinstance(came, Done) else KINDS[asked.form]
        syncs = self.engine.store.log.syncs(self.engine.store.causes.syncs(asked.cause_id, 1))
        source = next((one.source_system for one in syncs.values()), "")
        view = told_view(
            kind,
            came,
            cause,
            source,
            bulked,
            direct=not asked.public,
            sync=self.engine.sync(asked.document) if asked.document else None,
            offers=self.engine.fixing.offers(cause) if cause else (),
        )
        content = {**self.show.fix_told(view), "private_metadata": asked.channel}
        if not asked.view:  # asked for by a command
            self._say(post, asked, self.show.fix_said(view))
            return
        try:
            self.client.views_update(view_id=asked.view, view=content)
        except TROUBLE:  # the form is closed, or Slack does not say: told beside it
            self._say(post, asked, self.show.fix_said(view))

    def _say(self, post: Post, asked: Asked, message: Mapping[str, Any]) -> None:
        uid = uid_of(post.uid, "told")
        if asked.channel:
            url = asked.place.url if asked.place else None
            self._put(whisper(asked.channel, asked.by.id, message, url, uid))
        else:
            self._put(direct(asked.by.id, message, uid))

    def _put(self, told: Post) -> None:
        posts = self.engine.store.posts
        if posts.get(told.uid) is None:
            posts.put([told], self.engine.clock.now())


KINDS: Mapping[CallbackId, DeedKind] = {
    CallbackId.FIX_EMAIL: DeedKind.EMAIL,
    CallbackId.FIX_PRODUCT: DeedKind.MAP_PRODUCT,
    CallbackId.FIX_RECORD: DeedKind.MAP_TAX,
    CallbackId.FIX_LINK: DeedKind.LINK,
    CallbackId.SKIP: DeedKind.SKIP,
    CallbackId.ASSIGN: DeedKind.ASSIGN,
    CallbackId.SNOOZE: DeedKind.SNOOZE,
}
"""What a form is about, where nothing was done."""


def _asked(body: Mapping[str, Any]) -> Asked:
    return Asked(
        form=CallbackId(body["form"]),
        cause_id=body["cause"],
        sync_id=body["sync"],
        values=body["values"],
        by=Actor(body["user"], body["name"]),
        receipt=body["receipt"],
        view=body["view"],
        channel=body["channel"],
        public=body["public"],
        pressed=body.get("pressed", False),
        place=kept_place(body.get("list")),
    )
