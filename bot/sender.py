"""One post, one outcome: what each method calls, and what each answer of Slack means.

A message whose answer was lost may stand in the channel: it is looked for by the uid in its
metadata before it is posted again, or, where history may not be read, left alone for ten minutes.
That it was asked for stands in its row, so any process that sends it next knows.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import structlog
from slack_sdk import WebClient
from slack_sdk.web import SlackResponse
from slack_sdk.webhook import WebhookClient

from bot.channels import Channels
from bot.history import find, metadata_of
from bot.posts import Method
from bot.throttle import Limited, Throttle
from bot.web_api import POST_TIMEOUT_SECONDS, TROUBLE, error_code, never_left, patience
from bot.wording import wording
from sync.clock import Clock
from sync.outward import Digest, Post
from sync.store import Store

DOUBT = timedelta(minutes=10)
"""How long a message that may have been posted is not posted again, where nobody can look."""

LONGEST_BACKOFF = timedelta(seconds=60)
POST_LIFE = timedelta(hours=24)
ANSWER_LIFE = timedelta(minutes=30)
"""A response_url and an open modal are of no use after so long."""

_PASSING = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
_BLOCKS_REFUSED = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "block_mismatch"}
)
_NOT_HERE = frozenset(
    {"not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived", "missing_scope"}
)
_SHORT_LIVED = frozenset({Method.ANSWER, Method.VIEW})
_SHOWN_ALONE: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Waits:
    """How long to wait: between two edits of one message, and before a look for a lost one."""

    edit_gap: timedelta = timedelta(seconds=3)
    look_after: timedelta = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Sent:
    """It arrived; `result` says where."""

    result: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Later:
    """Try again after `wait`; `doubtful` where it may have arrived all the same."""

    wait: timedelta
    error: str
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never arrive."""

    error: str


Outcome = Sent | Later | Refused


Undrawn = Callable[[Post, str, str], None]
"""Hears of a post whose blocks Slack refused: the post, Slack's code, a reference into the log."""


class Sender:
    """Performs posts; response_urls of other hosts than Slack's are refused."""

    def __init__(
        self,
        client: WebClient,
        store: Store,
        channels: Channels,
        clock: Clock,
        waits: Waits | None = None,
        undrawn: Undrawn | None = None,
    ) -> None:
        self._waits = waits or Waits()
        self._base_url = client.base_url
        self._api = Throttle(client, clock)
        self._store = store
        self._channels = channels
        self._clock = clock
        self._undrawn = undrawn
        self._edited: dict[int, datetime] = {}
        self._calls: Mapping[str, Callable[[Post], Outcome]] = {
            Method.POST: self._post,
            Method.WHISPER: self._whisper,
            Method.ANSWER: self._answer,
            Method.VIEW: self._view,
            Method.LIVING: self._living,
            Method.EDIT: self._update,
        }

    def send(self, post: Post) -> Outcome:
        """Perform one post."""
        try:
            outcome = self._calls[post.method](post)
        except TROUBLE as error:
            outcome = self._outcome(post, error)
        life = ANSWER_LIFE if post.method in _SHORT_LIVED else POST_LIFE
        born = post.created_at or self._clock.now()
        if isinstance(outcome, Later) and self._clock.now() > born + life:
            return Refused(f"given up: {outcome.error}")
        return outcome

    def _outcome(self, post: Post, error: BaseException) -> Later | Refused:
        if isinstance(error, Limited):
            return Later(error.wait, "ratelimited")
        code = error_code(error)
        if code and code not in _PASSING:
            return Refused(code)
        backoff = _backoff(post)
        if never_left(error):
            return Later(backoff, str(error))
        wait = max(backoff, self._waits.look_after)
        return Later(wait, code or type(error).__name__, doubtful=True)

    # --- the methods ---------------------------------------------------------------------------

    def _post(self, post: Post) -> Outcome:
        channel = post.body["channel"]
        if channel and self._channels.shared_now(channel):
            return Refused("shared_channel")
        return self._once(channel or self._direct_channel(post.body["user"]), post)

    def _once(self, channel: str, post: Post) -> Outcome:
        """Post unless it stands there already, or may."""
        asked_at = (post.result or {}).get("asked_at")
        if asked_at:
            moment = datetime.fromisoformat(asked_at)
            stands = self._sought(channel, post.uid, moment, post)
            if isinstance(stands, str):
                return Sent({"channel": channel, "ts": stands})
            if stands:
                return stands
        return Sent(self._say(channel, post, post.uid))

    def _sought(self, channel: str, uid: str, asked_at: datetime, post: Post) -> str | Later | None:
        """Return where the message stands, or when to look again, or None: it is not there."""
        left = asked_at + DOUBT - self._clock.now()
        try:
            return find(self._api, channel, uid, asked_at)
        except TROUBLE as error:
            if left <= timedelta(0):
                return None
            outcome = self._outcome(post, error)
            log.warning("outbox.in_the_dark", place=post.channel, error=outcome.error)
            soon = outcome.wait if isinstance(outcome, Later) else left
            return Later(min(left, soon), "unknown")

    def _whisper(self, post: Post) -> Outcome:
        body = post.body
        try:
            self._shown(
                post, "chat.postEphemeral", {"channel": body["channel"], "user": body["user"]}
            )
        except TROUBLE as error:
            if error_code(error) not in _NOT_HERE:
                raise
            return self._elsewhere(post)
        return Sent()

    def _elsewhere(self, post: Post) -> Outcome:
        """Reach a person where the bot is no member: by response_url, else directly."""
        body = post.body
        if body.get("url"):
            outcome = self._answer(post)
            if isinstance(outcome, Sent):
                return outcome
        return self._once(self._direct_channel(body["user"]), post)

    def _answer(self, post: Post) -> Outcome:
        url, message = post.body["url"], post.body["message"]
        if not may_answer(url, self._base_url):
            return Refused("foreign_response_url")
        webhook = WebhookClient(url, timeout=POST_TIMEOUT_SECONDS, retry_handlers=[])
        given = webhook.send_dict(message)
        if given.status_code == HTTPStatus.BAD_REQUEST and "block" in given.body:
            refused = given.body[:80]
            given = webhook.send_dict({**message, "text": wording(message), "blocks": []})
            self._note_undrawn(post, refused)
        if given.status_code == HTTPStatus.OK:
            return Sent()
        if given.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            return Later(patience(given.headers, self._clock.now()), "ratelimited")
        if given.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Later(_backoff(post), f"HTTP {given.status_code}")
        return Refused(f"HTTP {given.status_code} {given.body[:80]}")

    def _view(self, post: Post) -> Outcome:
        self._api.call("views.update", view_id=post.body["view_id"], view=post.body["view"])
        return Sent()

    def _update(self, post: Post) -> Outcome:
        """Edit the message that another post brought there, wherever that was."""
        brought = self._store.posts.get(post.body["of"])
        stands = (brought.result if brought else None) or {}
        if "ts" not in stands:
            return Refused("never_posted")
        place = {name: stands[name] for name in ("channel", "ts")}
        if self._channels.shared(place["channel"]):
            return Refused("shared_channel")
        self._shown(post, "chat.update", place)
        return Sent(place)

    # --- the living digest ---------------------------------------------------------------------

    def _living(self, post: Post) -> Outcome:
        digest = self._store.digests.get(post.body["digest"])
        if digest is None:
            return Refused("no_such_digest")
        stands = digest.message or {}
        if stands.get("ts"):
            return self._edit(digest, stands, post)
        if stands.get("asked_at"):
            return self._seek(digest, stands["asked_at"], post)
        return self._begin(digest, post)

    def _edit(self, digest: Digest, stands: dict[str, Any], post: Post) -> Outcome:
        message, now = post.body["message"], self._clock.now()
        if stands.get("sum") == sum_of(message):
            return Sent(stands)
        gap = self._waits.edit_gap
        free = self._edited.get(digest.id, now - gap) + gap
        if free > now:
            return Later(free - now, "paced")
        if self._channels.shared(stands["channel"]):
            return Refused("shared_channel")
        self._edited[digest.id] = now
        place = {"channel": stands["channel"], "ts": stands["ts"]}
        self._shown(post, "chat.update", place)
        return self._kept(digest, {**place, "sum": sum_of(message)})

    def _seek(self, digest: Digest, asked_at: str, post: Post) -> Outcome:
        moment = datetime.fromisoformat(asked_at)
        found = self._sought(digest.channel, _uid_of(digest), moment, post)
        if isinstance(found, str):
            self._kept(digest, {"channel": digest.channel, "ts": found})
            return Later(timedelta(0), "found")
        return found or self._begin(digest, post)

    def _begin(self, digest: Digest, post: Post) -> Outcome:
        """Post the digest; the mark before it tells the next try that it may have arrived."""
        if self._channels.shared_now(digest.channel):
            return Refused("shared_channel")
        now = self._clock.now()
        self._kept(digest, {"asked_at": now.isoformat()})
        try:
            stands = self._say(digest.channel, post, _uid_of(digest))
        except TROUBLE as error:
            outcome = self._outcome(post, error)
            if not (isinstance(outcome, Later) and outcome.doubtful):
                self._kept(digest, {})
            return outcome
        self._edited[digest.id] = now
        return self._kept(digest, {**stands, "sum": sum_of(post.body["message"])})

    def _kept(self, digest: Digest, stands: dict[str, Any]) -> Sent:
        self._store.digests.keep(digest.id, message=stands)
        return Sent(stands)

    # --- calls ---------------------------------------------------------------------------------

    def _say(self, channel: str, post: Post, uid: str) -> dict[str, Any]:
        more = {"channel": channel, "metadata": metadata_of(uid), **_SHOWN_ALONE}
        answer = self._shown(post, "chat.postMessage", more)
        return {"channel": answer["channel"], "ts": answer["ts"]}

    def _shown(self, post: Post, method: str, given: Mapping[str, Any]) -> SlackResponse:
        """Call with text and blocks; where Slack refuses the blocks, with what they say as text."""
        message = post.body["message"]
        blocks = message.get("blocks") or []
        try:
            return self._api.call(method, **given, text=message.get("text", ""), blocks=blocks)
        except TROUBLE as error:
            code = error_code(error)
            if code not in _BLOCKS_REFUSED:
                raise
            answer = self._api.call(method, **given, text=wording(message), blocks=[])
            self._note_undrawn(post, str(code), error)
            return answer

    def _note_undrawn(self, post: Post, code: str, error: BaseException | None = None) -> None:
        reference = uuid.uuid4().hex[:8]
        what = {"method": post.method, "place": post.channel, "uid": post.uid, "error": code}
        log.error("outbox.blocks_refused", reference=reference, **what, exc_info=error)
        if self._undrawn:
            self._undrawn(post, code, reference)

    def _direct_channel(self, user: str) -> str:
        return str(self._api.call("conversations.open", users=[user])["channel"]["id"])


def _backoff(post: Post) -> timedelta:
    return min(timedelta(seconds=2 ** min(post.tries, 6)), LONGEST_BACKOFF)


def sum_of(message: Mapping[str, Any]) -> str:
    """Return what is the same for the same text and blocks."""
    shown = json.dumps([message.get("text"), message.get("blocks")], sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


def may_answer(response_url: str, api_url: str) -> bool:
    """Return whether a response_url is Slack's: its own host, or the host that plays Slack."""
    url, api = urlsplit(response_url), urlsplit(api_url)
    if (url.scheme, url.netloc) == ("https", "hooks.slack.com"):
        return True
    return api.netloc != "slack.com" and (url.scheme, url.netloc) == (api.scheme, api.netloc)


def _uid_of(digest: Digest) -> str:
    return f"digest-{digest.id}"
