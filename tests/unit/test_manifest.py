"""The manifest asks Slack for exactly what the code calls."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDS = {
    "auth_test": (),
    "chat_postEphemeral": ("chat:write",),
    "chat_postMessage": ("chat:write",),
    "chat_update": ("chat:write",),
    "conversations_history": ("channels:history", "groups:history"),
    "conversations_info": ("channels:read", "groups:read"),
    "conversations_open": ("im:write",),
    "usergroups_list": ("usergroups:read",),
    "usergroups_users_list": ("usergroups:read",),
    "users_info": ("users:read",),
    "views_open": (),
    "views_push": (),
    "views_update": (),
}
"""Which scopes Slack's reference names for each method."""

COMMANDS = "commands"
"""The scope of the slash command, which is no method."""

_CALL = re.compile(r"(?:client|posts|reads)\.((?:auth|chat|conversations|user\w*|views)_\w+)\(")
_NAMED = re.compile(r"\"((?:auth|chat|conversations|user\w*|views)\.[a-z]\w+)\"")
_SCOPE = re.compile(r"^ {6}- ([a-z:.]+)", re.MULTILINE)


def _manifest() -> str:
    return (ROOT / "manifest.yml").read_text()


def _called() -> set[str]:
    sources = [*(ROOT / "bot").glob("*.py"), *(ROOT / "handlers").glob("*.py")]
    texts = [source.read_text() for source in sources]
    called = {name for text in texts for name in _CALL.findall(text)}
    named = {name for text in texts for name in _NAMED.findall(text)}
    return called | {name.replace(".", "_") for name in named}


def test_scopes_are_what_the_methods_need() -> None:
    """Every method that is called has its scope, and no scope is asked for without a method."""
    needed = {scope for method in _called() for scope in NEEDS[method]} | {COMMANDS}
    assert set(_SCOPE.findall(_manifest())) == needed


def test_history_is_optional() -> None:
    """Reading history is a convenience, so a workspace may say no to it."""
    optional = _manifest().split("bot_optional:")[1].split("settings:")[0]
    assert set(_SCOPE.findall(optional)) == {"channels:history", "groups:history"}


def test_socket_mode_and_escapes() -> None:
    """No public address is needed, and mentions arrive as ids."""
    assert "socket_mode_enabled: true" in _manifest()
    assert "should_escape: true" in _manifest()
    assert "command: /invsync" in _manifest()
