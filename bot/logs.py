"""Logging: structlog, as text on a terminal and as JSON lines elsewhere, without secrets."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

STARS = "***"

_SECRET_KEYS = re.compile(
    r"token|secret|password|authorization|api_?key|signature|cookie|credential", re.IGNORECASE
)
_SECRET_TEXTS = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|xwfp-[\w-]+"  # Slack
    r"|Bearer\s+[\w.~+/=-]+"
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"  # JWT
    r"|https://hooks\.slack\.com/\S+"  # whoever has it can answer in our name
    r"|[?&](?:ticket|code|state|access_token)=[^&\s]+"
)
_QUIET = (
    *("httpx", "httpcore", "slack_sdk", "slack_bolt", "apscheduler", "uvicorn.access"),
    "alembic",  # tells of each look at the schema
)


def redact(value: Any) -> Any:
    """Return `value` with stars where a key's name or a text's pattern speaks of a secret."""
    if isinstance(value, str):
        return _SECRET_TEXTS.sub(STARS, value)
    if isinstance(value, Mapping):
        return {
            key: STARS if _SECRET_KEYS.search(str(key)) and inner else redact(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(inner) for inner in value]
    return value


def _redacted(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return dict(redact(event))


def configure(log_format: str = "auto", level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send our logs and the libraries' to `stream` (standard error by default).

    `log_format` is `console`, `json`, or `auto`: console on a terminal, JSON otherwise.
    """
    out = stream or sys.stderr
    console = log_format == "console" or (log_format == "auto" and out.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _redacted,
    ]
    last = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:  # most of their lines carry addresses with query strings
        logging.getLogger(name).setLevel(logging.WARNING)
