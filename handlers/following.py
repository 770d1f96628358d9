"""Lets a press follow its document: the person, the modal and the page learn how it ends."""

from bot.actions import page_in
from bot.watching import Drawn, Follows, Person
from handlers.incoming import Pressed
from sync.engine import Engine


def follow(engine: Engine, press: Pressed, sync_id: int) -> None:
    """Let the person, the modal and the page know how the sync ends."""
    now, watches = engine.clock.now(), engine.store.watches
    channel = press.channel or (press.modal.private if press.modal else None)
    person = Person(channel or None, press.user, press.url)
    watches.add([sync_id], Follows.PERSON, person.target(), now)
    if press.modal:
        modal = Drawn(press.modal.id, press.modal.private, now)
        watches.add([sync_id], Follows.MODAL, modal.target(), now)
    page = page_in(press.value)
    if page and press.url:
        drawn = Drawn(press.url, page, now)
        watches.add([sync_id], Follows.PAGE, drawn.target(), now)
