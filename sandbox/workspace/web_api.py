"""Slack's Web API, as far as an app like ours calls it, with Slack's own error codes and limits."""

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from sandbox.serving import drop
from sandbox.workspace.blockkit import characters, problems
from sandbox.workspace.cast import BOT_USER, Channel
from sandbox.workspace.directory import Directory
from sandbox.workspace.line import Line
from sandbox.workspace.state import Json, Message, State
from sandbox.workspace.told import Refused, told

MOST_CHARACTERS = 13_200
MOST_STACKED = 3
MOST_METADATA, MOST_OF_A_VIEW = 8_000, 250_000
"""Characters of JSON. Slack names an error for metadata that is too large but tells no number."""

SCOPES = (
    "chat:write,commands,users:read,usergroups:read,channels:read,groups:read,im:write,"
    "channels:history"
)


class WebApi:
    """Answers `/api/METHOD`."""

    def __init__(self, state: State, line: Line, tokens: tuple[str, str]) -> None:
        self._state = state
        self._line = line
        self._bot_token, self._app_token = tokens
        self._methods: dict[str, Callable[[Json], Json]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.postEphemeral": self._whisper,
            "chat.delete": self._delete,
            "chat.getPermalink": self._permalink,
            "views.open": self._views_open,
            "views.push": self._views_push,
            "views.update": self._views_update,
            "views.publish": self._views_publish,
            **Directory(state).methods(),
        }

    async def serve(self, request: Request) -> Response:
        """Answer one call."""
        method, began = request.path_params["method"], time.monotonic()
        try:
            given = await _given(request)
        except ValueError:
            return JSONResponse({"ok": False, "error": "invalid_json"})
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        wrong = await self._spoilt(request, method, given)
        if wrong:
            return wrong
        try:
            body = self._answer(method, given, token or str(given.get("token", "")), request)
        except Refused as refused:
            body = refused.body
        self._state.note("from app", method, given, body, (time.monotonic() - began) * 1000)
        if method.startswith("chat.post") and self._state.knobs.lose_answers:
            self._state.knobs.lose_answers -= 1
            await drop(request.scope)
        return JSONResponse(body, headers={"x-oauth-scopes": SCOPES})

    async def _spoilt(self, request: Request, method: str, given: Json) -> Response | None:
        """Return what a knob answers instead of the method, before anything has happened."""
        knobs = self._state.knobs
        if method.startswith("chat.post") and knobs.lose_calls:
            knobs.lose_calls -= 1
            self._state.note("from app", method, given, "lost on its way", 0)
            await drop(request.scope)
            return Response()
        if limit := knobs.limit(method):
            body = {"ok": False, "error": "ratelimited"}
            self._state.note("from app", method, given, body, 0)
            told = {"Retry-After": limit.retry_after} if limit.retry_after is not None else {}
            return JSONResponse(body, 429, told)
        if refusal := knobs.refusal(method):
            body = {"ok": False, "error": refusal.error}
            self._state.note("from app", method, given, body, 0)
            return JSONResponse(body, headers={"x-oauth-scopes": SCOPES})
        return None

    def _answer(self, method: str, given: Json, token: str, request: Request) -> Json:
        if not token:
            raise Refused("not_authed")
        if method == "apps.connections.open":
            if token != self._app_token:
                raise Refused("not_allowed_token_type")
            host = request.url.netloc
            return {"ok": True, "url": f"ws://{host}/link?ticket={self._line.ticket()}"}
        if token != self._bot_token:
            raise Refused("invalid_auth")
        if method not in self._methods:
            raise Refused("unknown_method")
        return {"ok": True, **self._methods[method](given)}

    def _auth_test(self, given: Json) -> Json:
        del given
        return {
            "url": "http://acme.slack.test/",
            "team": "Acme",
            "user": "invsync",
            "team_id": self._state.team,
            "user_id": BOT_USER,
            "bot_id": "B0INVSYNC",
            "is_enterprise_install": False,
        }

    # --- chat ----------------------------------------------------------------------------------

    def _post(self, given: Json) -> Json:
        channel = self._postable(given)
        text, blocks = checked(given)
        more = {"thread_ts": given.get("thread_ts"), "metadata": _metadata(given)}
        message = self._state.post(channel.id, text, blocks, **more)
        return {"channel": channel.id, "ts": message.ts, "message": told(message)}

    def _update(self, given: Json) -> Json:
        message = self._found(given)
        text, blocks = checked(given)
        message.metadata = _metadata(given) or message.metadata
        self._state.edit(message, text, blocks)
        return {
            "channel": message.channel,
            "ts": message.ts,
            "text": text,
            "message": told(message),
        }

    def _whisper(self, given: Json) -> Json:
        channel = self._postable(given)
        user = str(given.get("user", ""))
        person = self._state.people.get(user)
        if person is None or channel.direct_with not in {None, user}:
            raise Refused("user_not_in_channel")
        text, blocks = checked(given)
        message = self._state.post(channel.id, text, blocks, only_for=user)
        return {"message_ts": message.ts}

    def _delete(self, given: Json) -> Json:
        message = self._found(given)
        self._state.remove(message)
        return {"channel": message.channel, "ts": message.ts}

    def _permalink(self, given: Json) -> Json:
        message = self._found({**given, "ts": given.get("message_ts")})
        return {"channel": message.channel, "permalink": f"http://acme.slack.test/{message.ts}"}

    def _postable(self, given: Json) -> Channel:
        name = str(given.get("channel", ""))
        channel = self._state.channels.get(name)
        if name in self._state.people:
            channel = self._state.direct_channel(name)
        if channel is None:
            raise Refused("channel_not_found")
        if channel.archived:
            raise Refused("is_archived")
        if not channel.bot_in:
            raise Refused("not_in_channel")
        return channel

    def _found(self, given: Json) -> Message:
        if given.get("channel") not in self._state.channels:
            raise Refused("channel_not_found")
        message = self._state.message(str(given["channel"]), str(given.get("ts", "")))
        if message is None or message.only_for:
            raise Refused("message_not_found")
        if message.user != BOT_USER:
            raise Refused("cant_update_message")
        if self._state.channels[message.channel].archived:
            raise Refused("is_inactive")
        return message

    # --- views ---------------------------------------------------------------------------------

    def _views_open(self, given: Json) -> Json:
        return self._stack(given, alone=True)

    def _views_push(self, given: Json) -> Json:
        return self._stack(given, alone=False)

    def _stack(self, given: Json, *, alone: bool) -> Json:
        body = _view(given, "modal")
        user, error = self._state.take_trigger(str(given.get("trigger_id", "")))
        if user is None:
            raise Refused(error)
        if alone:
            self._state.views[user].clear()
        elif len(self._state.views[user]) >= MOST_STACKED:
            raise Refused("push_limit_reached")
        return {"view": self._state.view_json(self._state.push_view(user, body))}

    def _views_update(self, given: Json) -> Json:
        view = self._state.view(str(given.get("view_id", "")))
        if view is None:
            raise Refused("not_found")
        if given.get("hash") and given["hash"] != view.hash:
            raise Refused("hash_conflict")
        self._state.update_view(view, _view(given, "modal"))
        return {"view": self._state.view_json(view)}

    def _views_publish(self, given: Json) -> Json:
        user = str(given.get("user_id", ""))
        if user not in self._state.people:
            raise Refused("user_not_found")
        before = self._state.homes.get(user, {})
        if given.get("hash") and given["hash"] != before.get("hash"):
            raise Refused("hash_conflict")
        return {"view": self._state.publish(user, _view(given, "home"))}


def checked(given: Json) -> tuple[str, list[Json]]:
    """Return text and blocks of a message that Slack would take. Raises Refused."""
    text, blocks = str(given.get("text") or ""), given.get("blocks") or []
    if isinstance(blocks, str):
        blocks = _json(blocks, "invalid_blocks_format")
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    if not text and not blocks:
        raise Refused("no_text")
    wrong = problems(blocks, "message")
    if wrong:
        messages = [f"[ERROR] {one}" for one in wrong]
        raise Refused("invalid_blocks", errors=wrong, response_metadata={"messages": messages})
    if characters(blocks) > MOST_CHARACTERS:
        raise Refused("msg_blocks_too_long")
    return text, blocks


def _view(given: Json, kind: str) -> Json:
    body = _object(given.get("view"))
    if body is None or body.get("type") != kind:
        raise Refused("invalid_arguments")
    if len(json.dumps(body)) > MOST_OF_A_VIEW:
        raise Refused("view_too_large")
    wrong = problems(body, kind)
    if wrong:
        messages = [f"[ERROR] {one}" for one in wrong]
        raise Refused("invalid_arguments", response_metadata={"messages": messages})
    return body


def _metadata(given: Json) -> Json | None:
    """Return a message's metadata, None where it has none. Raises Refused."""
    metadata = _object(given.get("metadata"))
    if metadata is None:
        return None
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        raise Refused("invalid_metadata_schema")
    if len(json.dumps(payload)) > MOST_METADATA:
        raise Refused("metadata_too_large")
    return metadata


def _object(value: Any) -> Json | None:
    if isinstance(value, str):
        value = _json(value, "invalid_arguments")
    return value if isinstance(value, dict) else None


def _json(text: str, error: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Refused(error) from None


async def _given(request: Request) -> Json:
    """Return the arguments of a call: JSON, a form, or an empty body of either type."""
    body = await request.body()
    query = dict(request.query_params)
    if not body.strip():
        return query
    if "json" in request.headers.get("content-type", ""):
        data = json.loads(body)
        return {**query, **(data if isinstance(data, dict) else {})}
    return {**query, **dict(parse_qsl(body.decode()))}


async def respond(state: State, request: Request) -> Response:
    """Answer a response_url: a new message, or another content of the one it belongs to."""
    try:
        given = await _given(request)
    except ValueError:
        return PlainTextResponse("invalid_payload", 400)
    url = state.take_url(request.path_params["name"])
    if url is None:
        state.note("from app", "response_url", given, "404", 0)
        return PlainTextResponse("used_url", 404)
    message = state.message(url.channel, url.message_ts) if url.message_ts else None
    if given.get("delete_original") and message:
        state.remove(message)
        return PlainTextResponse("ok")
    try:
        text, blocks = checked(given)
    except Refused as refused:
        state.note("from app", "response_url", given, refused.body, 0)
        return JSONResponse(refused.body, 400)
    if given.get("replace_original") and message:
        state.edit(message, text, blocks)
    else:
        alone = given.get("response_type", "ephemeral") != "in_channel"
        new = state.post(url.channel, text, blocks, only_for=url.user if alone else None)
        if given.get("replace_original") and url.message_ts is None:
            url.message_ts = new.ts
    state.note("from app", "response_url", given, "ok", 0)
    return PlainTextResponse("ok")
