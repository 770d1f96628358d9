"""Who reads what a channel could not get: who is named, else an admin, else nobody but the log."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.notices import Notices
from bot.people import People
from bot.permissions import Role
from bot.posts import living
from bot.web_api import web_client
from sync.clock import SystemClock
from sync.store import Store
from tests.slack.desk import ADMIN, GONE, GUEST, PEOPLE
from tests.slack.mailroom import said
from tests.slack.scripted import CHANNEL, TEAM, ScriptedSlack, refusal
from tests.sqlite import fresh_file
from tests.unit.bot.drawn import a_show


@pytest.fixture
def slack() -> Iterator[ScriptedSlack]:
    """Give a Slack with people."""
    made = ScriptedSlack()
    for user, traits in PEOPLE.items():
        made.users[user] = {"id": user, "team_id": TEAM, "real_name": user, **traits}
    yield made
    made.server.stop()


def _people(slack: ScriptedSlack) -> People:
    client = web_client("xoxb-1", slack.api_url, 2)
    return People(client, {Role.ADMIN: ("S0ADMINS",)}, TEAM, SystemClock())


def test_the_first_admin_who_is_a_member(slack: ScriptedSlack) -> None:
    """Guests and people who left are passed over."""
    slack.groups = {"S0ADMINS": [GUEST, GONE, ADMIN]}
    assert _people(slack).somebody(Role.ADMIN) == ADMIN


def test_no_admin(slack: ScriptedSlack) -> None:
    """Without an admin, and where Slack does not answer, there is nobody."""
    slack.groups = {"S0ADMINS": [GUEST]}
    assert _people(slack).somebody(Role.ADMIN) is None
    slack.script("usergroups.users.list", refusal("internal_error"))
    assert _people(slack).somebody(Role.ADMIN) is None


def test_without_an_owner_the_log_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A digest that nobody can be sent is an error in the log, and no post."""
    store = Store(fresh_file(tmp_path))
    clock = SystemClock()
    notices = Notices(store, clock, a_show(), lambda: None, ZoneInfo("UTC"))
    notices.undelivered(living(1, CHANNEL, said("71 failed")), "is_archived")
    assert "owner.unknown" in capsys.readouterr().out
    assert store.posts.next_due(clock.now(), timedelta(seconds=1)) is None
    store.close()
