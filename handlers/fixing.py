"""Fixes as people press for them: a button opens a form, its submission is checked and promised.

Rights are read anew at the submission. What a form needs no system for stands at its field at once;
the rest is an errand, and the form says that it works.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from slack_bolt import Ack, BoltResponse

from bot.actions import (
    ActionId,
    BadValue,
    CallbackId,
    action_of,
    anyway_of,
    cause_of,
    menu_of,
)
from bot.fixes import FixView, fix_view, form_of, groups_of, suggested, told_view, until_of
from bot.listed import Place, anew, kept_place, place_of
from bot.modals import Modals, Stacked
from bot.outbox import Outbox
from bot.permissions import Action, Role
from bot.problems import Problem, Wrong
from bot.repairs import Asked, mend
from bot.show import Message, Show
from handlers.forms import WrongField
from handlers.gate import Gate
from handlers.incoming import Payload, Pressed, Searched, Submitted, searched
from handlers.telling import Teller
from sync.causes import Cause, DeedKind
from sync.engine import Engine
from sync.mending import NotDone, Why, email_of, reason_of
from sync.money import decimal_of
from sync.points import point
from sync.records import Actor

NEEDED: Mapping[CallbackId, Action] = {
    CallbackId.FIX_EMAIL: Action.FIX,
    CallbackId.FIX_PRODUCT: Action.FIX,
    CallbackId.FIX_RECORD: Action.FIX,
    CallbackId.FIX_LINK: Action.DECIDE,
    CallbackId.SKIP: Action.DECIDE,
    CallbackId.ASSIGN: Action.ASSIGN,
    CallbackId.SNOOZE: Action.ASSIGN,
}
"""What a form asks for, when it is opened and when it is submitted."""

FIRST_FIELD: Mapping[CallbackId, str] = {
    CallbackId.FIX_EMAIL: "email",
    CallbackId.FIX_PRODUCT: "how",
    CallbackId.FIX_RECORD: "record",
    CallbackId.FIX_LINK: "named",
    CallbackId.SKIP: "reason",
    CallbackId.ASSIGN: "to",
    CallbackId.SNOOZE: "until",
}
"""Where a form says what is wrong with it as a whole."""

MOST_PEOPLE = 40
_CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,}")


@dataclass(frozen=True, slots=True)
class Origin:
    """Which cause a form is about, perhaps of which document alone, and where it was opened."""

    cause_id: int
    sync_id: int | None
    channel: str
    public: bool
    place: Place | None = None
    """The list of causes that it was opened from."""

    def private(self) -> str:
        """Return it as a view's private metadata."""
        kept = {"cause": self.cause_id, "sync": self.sync_id, "channel": self.channel}
        place = self.place.kept() if self.place else None
        return json.dumps({**kept, "public": self.public, "list": place})


def origin_of(private: str) -> Origin:
    """Return what a view's private metadata says. Raises BadValue."""
    try:
        kept = json.loads(private)
        sync = kept["sync"]
        return Origin(
            int(kept["cause"]),
            None if sync is None else int(sync),
            str(kept["channel"]),
            bool(kept["public"]),
            kept_place(kept.get("list")),
        )
    except (ValueError, TypeError, KeyError):
        raise BadValue(private) from None


@dataclass(frozen=True, slots=True)
class Fixes:
    """The buttons, forms and searches of fixes; `zone` says when tomorrow is."""

    engine: Engine
    outbox: Outbox
    show: Show
    gate: Gate
    modals: Modals
    teller: Teller
    zone: ZoneInfo

    def handlers(self) -> Mapping[ActionId | None, Callable[[Pressed, Actor], None]]:
        """Return what answers which button."""
        return {
            ActionId.FIX: self.fix,
            ActionId.CAUSE_MENU: self.menu,
            ActionId.LINK_ANYWAY: self.link_anyway,
        }

    def forms(self) -> Mapping[str, Callable[[Submitted], Message]]:
        """Return what answers which form, with the view that follows; each raises WrongField."""
        promised = dict.fromkeys(NEEDED, self.promise)
        decided = {CallbackId.ASSIGN: self.assign, CallbackId.SNOOZE: self.snooze}
        return {form.value: answer for form, answer in {**promised, **decided}.items()}

    # --- opening -------------------------------------------------------------------------------

    def fix(self, press: Pressed, _person: Actor) -> None:
        """Open the form that mends a cause, or say what to do where none does."""
        cause_id, sync_id = cause_of(press.value)
        cause = self._standing(press, cause_id)
        if cause is None:
            return
        self._open(press, cause, form_of(self.engine.fixing.offers(cause)), sync_id)

    def menu(self, press: Pressed, _person: Actor) -> None:
        """Open the form that was chosen in a cause's menu."""
        form, cause_id, sync_id = menu_of(press.value)
        cause = self._standing(press, cause_id)
        if cause:
            self._open(press, cause, form, sync_id)

    def link_anyway(self, press: Pressed, person: Actor) -> None:
        """Promise to link two documents whose order or day differs, as the person has seen it."""
        cause_id, sync_id, document, seen = anyway_of(press.value)
        sync = self.engine.sync(sync_id)
        if sync is None:
            raise BadValue(press.value or "")
        asked = Asked(
            CallbackId.FIX_LINK,
            cause_id,
            sync_id,
            {"document": str(sync_id), "named": document, "seen": seen},
            person,
            press.receipt,
            view=press.modal.id if press.modal else "",
            channel=_channel_of(press),
            public=False,
            pressed=True,
        )
        self.outbox.put_once(mend(asked))
        if not press.modal:
            self.teller(press, self.show.linking(sync, document, sure=True))

    def _standing(self, press: Pressed, cause_id: int) -> Cause | None:
        """Return the cause while it stops anything; else say what became of it."""
        cause = self.engine.store.causes.get(cause_id)
        if cause is None:
            self.teller(press, self.show.wrong(Problem(Wrong.OLD_PAGE, str(cause_id))))
        elif not cause.open:
            told = told_view(DeedKind.RETRY, Why.CLOSED.value, cause)
            self.teller(press, self.show.fix_said(told))
        else:
            return cause
        return None

    def _open(
        self, press: Pressed, cause: Cause, form: CallbackId | None, sync_id: int | None
    ) -> None:
        needed = NEEDED[form] if form else Action.FIX
        person = self.gate.passed(press.user, press.team, needed)
        if not isinstance(person, Actor):
            self.teller(press, person)
            return
        view = self._view(cause, sync_id, needed)
        content = self.show.fix_form(form.value if form else None, view)
        channel = _channel_of(press)
        public = channel != "" and not press.alone
        place = place_of(press.url, press.block, press.message, self.engine.clock.now())
        origin = Origin(cause.id, sync_id, channel, public, place)
        private = origin.private() if form else channel
        show = self.modals.push if press.modal else self.modals.open
        one = self.engine.sync(sync_id) if sync_id else None
        try:
            opened = show(press.trigger, {**content, "private_metadata": private})
        except Stacked:
            told = told_view(DeedKind.RETRY, "stacked", cause, sync=one)
            self.teller.instead(press, self.show.fix_told(told))
            return
        if not opened:
            told = told_view(DeedKind.RETRY, "unopened", cause, sync=one)
            self.teller(press, self.show.fix_said(told))

    def _view(self, cause: Cause, sync_id: int | None, needed: Action) -> FixView:
        fixing, store = self.engine.fixing, self.engine.store
        stopped = list(fixing.stopped(cause, MOST_PEOPLE))
        one = store.log.sync(sync_id) if sync_id else None
        if one and one.id not in {sync.id for sync in stopped}:
            stopped.insert(0, one)
        stopped.sort(key=lambda sync: sync.id != sync_id)
        role = Role.APPROVER if needed is Action.DECIDE else Role.OPERATOR
        return fix_view(
            cause,
            offers=fixing.offers(cause),
            beside=fixing.beside(cause),
            before=store.deeds.last_fix(cause.lane, cause.error_type, cause.key),
            stopped=stopped,
            chosen=sync_id,
            ask=self.gate.people.ask(role),
            account=fixing.account(cause),
            before_chosen=fixing.chosen(cause),
        )

    # --- submitting ----------------------------------------------------------------------------

    def promise(self, sent: Submitted) -> Message:
        """Promise what a form asks for; its outcome takes the form's place. Raises WrongField."""
        form, origin, person = self._allowed(sent)
        values = self._checked(form, sent)
        view = sent.receipt.removeprefix("view:")
        asked = Asked(
            form,
            origin.cause_id,
            origin.sync_id,
            values,
            person,
            sent.receipt,
            view,
            origin.channel,
            origin.public,
            place=origin.place,
        )
        self.outbox.put_once(mend(asked))
        point("click.stored")
        cause = self.engine.store.causes.get(origin.cause_id)
        working = self.show.fix_working(cause.system if cause else "")
        return {**working, "private_metadata": origin.channel}

    def assign(self, sent: Submitted) -> Message:
        """Give a cause to somebody. Raises WrongField."""
        form, origin, person = self._allowed(sent)
        to, owner = sent.values.get("to", "me"), sent.values.get("owner", "")
        if to == "other" and not owner:
            raise self._wrong("owner", "no_person")
        chosen: Actor | None = person
        if to == "other":
            found = {one.id: one for one in self.gate.people.having(Role.OPERATOR)}
            if owner not in found:
                raise self._wrong("owner", "no_person")
            chosen = Actor(owner, found[owner].name)
        owned_by = None if to == "nobody" else chosen
        try:
            done = self.engine.fixing.assign(origin.cause_id, owned_by, person, sent.receipt)
        except NotDone as not_done:
            raise self._wrong(FIRST_FIELD[form], not_done.why, not_done.said) from None
        return self._told(DeedKind.ASSIGN, done, origin, sent.receipt)

    def snooze(self, sent: Submitted) -> Message:
        """Let a cause rest. Raises WrongField."""
        form, origin, person = self._allowed(sent)
        until = self._until(sent.values.get("until", ""))
        try:
            done = self.engine.fixing.snooze(origin.cause_id, until, person, sent.receipt)
        except NotDone as not_done:
            raise self._wrong(FIRST_FIELD[form], not_done.why, not_done.said) from None
        return self._told(DeedKind.SNOOZE, done, origin, sent.receipt)

    def _until(self, chosen: str) -> datetime | None:
        try:
            return until_of(chosen, self.engine.clock.now(), self.zone)
        except KeyError:
            raise self._wrong("until", Why.PAST) from None

    def _allowed(self, sent: Submitted) -> tuple[CallbackId, Origin, Actor]:
        """Return form, origin and person, where they may still do it. Raises WrongField."""
        form = CallbackId(sent.callback)
        person = self.gate.passed(sent.user, sent.team, NEEDED[form])
        if not isinstance(person, Actor):
            raise WrongField(FIRST_FIELD[form], person)
        try:
            origin = origin_of(sent.private)
        except BadValue:
            raise self._wrong(FIRST_FIELD[form], Why.UNKNOWN) from None
        cause = self.engine.store.causes.get(origin.cause_id)
        again = self.engine.store.decisions.taken(sent.receipt) is not None
        if not again and (cause is None or not cause.open):
            raise self._wrong(FIRST_FIELD[form], Why.CLOSED if cause else Why.UNKNOWN)
        return form, origin, person

    def _checked(self, form: CallbackId, sent: Submitted) -> Mapping[str, str]:
        """Return the entries, once those are right that need no system. Raises WrongField."""
        values = dict(sent.values)
        try:
            if form is CallbackId.FIX_EMAIL:
                values["email"] = email_of(values.get("email", ""))
            if form is CallbackId.SKIP:
                values["reason"] = reason_of(values.get("reason", ""))
        except NotDone as not_done:
            raise self._wrong(FIRST_FIELD[form], not_done.why) from None
        creates = form is CallbackId.FIX_PRODUCT and values.get("how") == "create"
        if creates and "price" in values:
            values["price"] = self._price(values["price"])
        chooses = form in {CallbackId.FIX_PRODUCT, CallbackId.FIX_RECORD} and not creates
        if chooses and "record" not in values:
            raise self._wrong("record", Why.NO_RECORD)
        if chooses and values.get("account"):  # else it would be dropped without a word
            raise self._wrong("account", "unused_account")
        if form is CallbackId.FIX_LINK and not values.get("document", "").isdecimal():
            raise self._wrong("document", Why.UNKNOWN)
        return values

    def _price(self, text: str) -> str:
        try:
            price = decimal_of(text)
        except ValueError:
            raise self._wrong("price", "no_price") from None
        if not 0 <= price < 10**12:
            raise self._wrong("price", "no_price")
        return str(price)

    def _told(self, kind: DeedKind, came: Any, origin: Origin, receipt: str) -> Message:
        if origin.place:
            self.outbox.put_once(*anew(self.engine, self.show, origin.place, receipt))
        cause = self.engine.store.causes.get(origin.cause_id)
        content = self.show.fix_told(told_view(kind, came, cause))
        return {**content, "private_metadata": origin.channel}

    def _wrong(self, field: str, why: str, said: str = "") -> WrongField:
        not_done = NotDone(Why(why), said) if why in set(Why) else why
        return WrongField(field, self.show.fix_field(told_view(DeedKind.RETRY, not_done, None)))

    # --- searching -----------------------------------------------------------------------------

    def options(self, ack: Ack, body: Payload) -> BoltResponse:
        """Answer what somebody types into a search, with groups; nothing where they may not."""
        search = searched(body)
        finds: Mapping[ActionId | None, Callable[[Searched], Message | None]] = {
            ActionId.SUGGEST: self._records,
            ActionId.SUGGEST_ACCOUNT: self._accounts,
            ActionId.SUGGEST_PERSON: self._people,
        }
        find = finds.get(action_of(search.action))
        try:
            drawn = find(search) if find else None
        except BadValue:  # of a form that is not ours any more
            drawn = None
        groups = groups_of(drawn) if drawn else []
        return ack(option_groups=groups) if groups else ack(options=[])

    def _records(self, search: Searched) -> Message | None:
        if not isinstance(self.gate.passed(search.user, search.team, Action.FIX), Actor):
            return None
        cause = self.engine.store.causes.get(origin_of(search.private).cause_id)
        found = self.engine.fixing.suggest(cause, search.term) if cause else ()
        near, others = suggested(found)
        return self.show.fix_records(near, others)

    def _accounts(self, search: Searched) -> Message | None:
        if not isinstance(self.gate.passed(search.user, search.team, Action.FIX), Actor):
            return None
        cause = self.engine.store.causes.get(origin_of(search.private).cause_id)
        found = self.engine.fixing.suggest_accounts(cause, search.term) if cause else ()
        return self.show.fix_records((), [account for account, _ in found])

    def _people(self, search: Searched) -> Message | None:
        if not isinstance(self.gate.passed(search.user, search.team, Action.ASSIGN), Actor):
            return None
        term = search.term.strip().casefold()
        people = self.gate.people.having(Role.OPERATOR)
        found = [one for one in people if term in one.name.casefold()]
        return self.show.fix_people(found[:MOST_PEOPLE])


def _channel_of(press: Pressed) -> str:
    """Return the channel that the person looks at, or nothing."""
    channel = (press.modal.private if press.modal else press.channel) or ""
    return channel if _CHANNEL.fullmatch(channel) else ""
