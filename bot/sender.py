"""One post, one outcome: what each method calls, and what each answer of Slack means.

A message whose answer was lost may stand in the channel: it is looked for by the uid in its
metadata before it is posted again, or, where history may not be read, left alone for ten minutes.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import structlog
from slack_sdk import WebClient
from slack_sdk.webhook import WebhookClient

from bot.channels import Channels
from bot.posts import Method
from bot.web_api import POST_TIMEOUT_SECONDS, TROUBLE, error_code, never_left, retry_after
from sync.clock import Clock
from sync.outward import Digest, Post
from sync.store import Store

DOUBT = timedelta(minutes=10)
"""How long a message that may have been posted is not posted again, where nobody can look."""

LONGEST_BACKOFF = timedelta(seconds=60)
POST_LIFE = timedelta(hours=24)
ANSWER_LIFE = timedelta(minutes=30)
EVENT_TYPE = "invsync"

_PASSING = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
_BLOCKS_REFUSED = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "block_mismatch"}
)
_NOT_HERE = frozenset(
    {"not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived", "missing_scope"}
)
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


class Sender:
    """Performs posts; response_urls of other hosts than Slack's are refused."""

    def __init__(
        self,
        client: WebClient,
        store: Store,
        channels: Channels,
        clock: Clock,
        waits: Waits | None = None,
    ) -> None:
        self._waits = waits or Waits()
        self._client = client
        self._store = store
        self._channels = channels
        self._clock = clock
        self._started_at = clock.now()
        self._held: dict[str, datetime] = {}
        self._doubted: set[str] = set()
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
        now = self._clock.now()
        held = self._held.get(post.method, now)
        if held > now:
            return Later(held - now, "ratelimited")
        try:
            outcome = self._calls[post.method](post)
        except TROUBLE as error:
            outcome = self._outcome(post, error)
        return self._remembered(post, outcome)

    def doubt(self, uid: str) -> None:
        """Look for this post before it is sent again: nobody knows whether it arrived."""
        self._doubted.add(uid)

    def _remembered(self, post: Post, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Later):
            if outcome.doubtful:
                self._doubted.add(post.uid)
            life = POST_LIFE if post.method in {Method.POST, Method.LIVING} else ANSWER_LIFE
            if post.created_at and self._clock.now() > post.created_at + life:
                return Refused(f"given up: {outcome.error}")
        else:
            self._doubted.discard(post.uid)
        return outcome

    def _outcome(self, post: Post, error: BaseException) -> Outcome:
        asked = retry_after(error)
        if asked is not None:
            self._held[post.method] = self._clock.now() + asked
            return Later(asked, "ratelimited")
        code = error_code(error)
        if code and code not in _PASSING:
            return Refused(code)
        backoff = min(timedelta(seconds=2 ** min(post.tries, 6)), LONGEST_BACKOFF)
        if never_left(error):
            return Later(backoff, str(error))
        return Later(
            max(backoff, self._waits.look_after), code or type(error).__name__, doubtful=True
        )

    # --- the methods ---------------------------------------------------------------------------

    def _post(self, post: Post) -> Outcome:
        channel = post.body["channel"] or self._direct_channel(post.body["user"])
        if post.body["channel"] and self._channels.shared(channel):
            return Refused("shared_channel")
        if post.uid in self._doubted or (post.tries and self._older(post)):
            since = post.created_at or self._clock.now()
            found = self._find(channel, post.uid, since)
            if isinstance(found, str):
                return Sent({"channel": channel, "ts": found})
            if not found and self._clock.now() < since + DOUBT:
                return Later(since + DOUBT - self._clock.now(), "unknown", doubtful=True)
        return Sent(self._say(channel, post.body["message"], post.uid))

    def _whisper(self, post: Post) -> Outcome:
        body = post.body
        try:
            self._shown(
                body["message"],
                lambda shown: self._client.chat_postEphemeral(
                    channel=body["channel"], user=body["user"], **shown
                ),
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
        return Sent(self._say(self._direct_channel(body["user"]), body["message"], post.uid))

    def _answer(self, post: Post) -> Outcome:
        url, message = post.body["url"], post.body["message"]
        if not may_answer(url, self._client.base_url):
            return Refused("foreign_response_url")
        webhook = WebhookClient(url, timeout=POST_TIMEOUT_SECONDS, retry_handlers=[])
        given = webhook.send_dict(message)
        if given.status_code == HTTPStatus.BAD_REQUEST and "block" in given.body:
            log.error("outbox.blocks_refused", answer=given.body)
            given = webhook.send_dict({**message, "blocks": []})
        if given.status_code == HTTPStatus.OK:
            return Sent()
        if _passes(given.status_code):
            return Later(timedelta(seconds=min(2**post.tries, 60)), f"HTTP {given.status_code}")
        return Refused(f"HTTP {given.status_code} {given.body[:80]}")

    def _view(self, post: Post) -> Outcome:
        self._client.views_update(view_id=post.body["view_id"], view=post.body["view"])
        return Sent()

    def _update(self, post: Post) -> Outcome:
        """Edit the message that another post brought there, wherever that was."""
        brought = self._store.posts.get(post.body["of"])
        if brought is None or not brought.result:
            return Refused("never_posted")
        place = {name: brought.result[name] for name in ("channel", "ts")}
        self._shown(post.body["message"], lambda shown: self._client.chat_update(**place, **shown))
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
            return self._seek(digest, stands, post)
        return self._begin(digest, post)

    def _edit(self, digest: Digest, stands: dict[str, Any], post: Post) -> Outcome:
        message, now = post.body["message"], self._clock.now()
        if stands.get("sum") == sum_of(message):
            return Sent(stands)
        gap = self._waits.edit_gap
        free = self._edited.get(digest.id, now - gap) + gap
        if free > now:
            return Later(free - now, "paced")
        self._edited[digest.id] = now
        place = {"channel": stands["channel"], "ts": stands["ts"]}
        self._shown(message, lambda shown: self._client.chat_update(**place, **shown))
        return self._kept(digest, {**place, "sum": sum_of(message)})

    def _seek(self, digest: Digest, stands: dict[str, Any], post: Post) -> Outcome:
        asked_at = datetime.fromisoformat(stands["asked_at"])
        found = self._find(digest.channel, _uid_of(digest), asked_at)
        if isinstance(found, str):
            self._kept(digest, {"channel": digest.channel, "ts": found})
            return Later(timedelta(0), "found")
        if not found and self._clock.now() < asked_at + DOUBT:
            return Later(asked_at + DOUBT - self._clock.now(), "unknown")
        return self._begin(digest, post)

    def _begin(self, digest: Digest, post: Post) -> Outcome:
        """Post the digest; the mark before it tells the next try that it may have arrived."""
        if self._channels.shared(digest.channel):
            return Refused("shared_channel")
        now = self._clock.now()
        self._kept(digest, {"asked_at": now.isoformat()})
        try:
            stands = self._say(digest.channel, post.body["message"], _uid_of(digest))
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

    def _say(self, channel: str, message: dict[str, Any], uid: str) -> dict[str, Any]:
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"uid": uid}}
        answer = self._shown(
            message,
            lambda shown: self._client.chat_postMessage(
                channel=channel, metadata=metadata, **_SHOWN_ALONE, **shown
            ),
        )
        return {"channel": answer["channel"], "ts": answer["ts"]}

    def _shown(self, message: dict[str, Any], call: Callable[[dict[str, Any]], Any]) -> Any:
        """Call with text and blocks; where Slack refuses the blocks, with the text alone."""
        shown = {"text": message.get("text", ""), "blocks": message.get("blocks") or []}
        try:
            return call(shown)
        except TROUBLE as error:
            if error_code(error) not in _BLOCKS_REFUSED:
                raise
            log.exception("outbox.blocks_refused")
            return call({**shown, "blocks": []})

    def _find(self, channel: str, uid: str, since: datetime) -> str | bool:
        """Return the ts of our message, True where it surely is not there, False in the dark."""
        oldest = str((since - timedelta(minutes=1)).timestamp())
        try:
            answer = self._client.conversations_history(
                channel=channel, oldest=oldest, limit=100, include_all_metadata=True
            )
        except TROUBLE:
            return False
        for message in answer.get("messages") or ():
            marked = message.get("metadata") or {}
            if (marked.get("event_payload") or {}).get("uid") == uid:
                return str(message["ts"])
        return True

    def _direct_channel(self, user: str) -> str:
        return str(self._client.conversations_open(users=[user])["channel"]["id"])

    def _older(self, post: Post) -> bool:
        return bool(post.created_at and post.created_at < self._started_at)


def _passes(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


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
