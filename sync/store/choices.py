"""What people chose to stand for something of a source, in one destination connection.

A choice outlives what connectors remember by themselves: a product for an SKU, a tax, an account,
and the e-mail of a customer for this destination alone (kind `email`, by the source's customer id).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sync.documents import Document
from sync.records import Actor
from sync.store.cause_tables import choices
from sync.store.database import Database

EMAIL = "email"

_THIS = sa.and_(
    choices.c.connection == sa.bindparam("of_connection"),
    choices.c.kind == sa.bindparam("of_kind"),
    choices.c.key == sa.bindparam("of_key"),
)
_GET = sa.select(choices.c.value).where(_THIS)
_LABEL = sa.select(choices.c.label).where(_THIS)
_OF = choices.select().where(choices.c.connection == sa.bindparam("of_connection"))


class Choices:
    """The choices of all connections."""

    def __init__(self, database: Database) -> None:
        self._database = database
        added = (sqlite if database.is_sqlite else postgresql).insert(choices)
        given = ("value", "label", "actor_id", "actor_name", "at")
        self._put = added.on_conflict_do_update(
            index_elements=list(choices.primary_key.columns.keys()),
            set_={name: added.excluded[name] for name in given},
        )

    def get(self, connection: str, kind: str, key: str) -> str | None:
        """Return what was chosen to stand for `key`, or None."""
        given = {"of_connection": connection, "of_kind": kind, "of_key": key}
        with self._database.read() as opened:
            value: str | None = opened.execute(_GET, given).scalar()
        return value

    def label(self, connection: str, kind: str, key: str) -> str | None:
        """Return what people call that which was chosen to stand for `key`, or None."""
        given = {"of_connection": connection, "of_kind": kind, "of_key": key}
        with self._database.read() as opened:
            label: str | None = opened.execute(_LABEL, given).scalar()
        return label

    def completed(self, lane: str, document: Document) -> Document:
        """Return the document with the e-mail that a person gave its customer for this lane."""
        customer = document.customer
        email = self.get(lane, EMAIL, customer.source_id)
        return replace(document, customer=replace(customer, email=email)) if email else document

    def put(
        self, connection: str, kind: str, key: str, value: str, label: str, by: Actor, now: datetime
    ) -> None:
        """Keep a choice, in the place of an earlier one; `label` is what people call it."""
        row = {
            "connection": connection,
            "kind": kind,
            "key": key,
            "value": value,
            "label": label,
            "actor_id": by.id,
            "actor_name": by.name,
            "at": now,
        }
        with self._database.write() as opened:
            opened.execute(self._put, row)

    def of(self, connection: str) -> list[Mapping[str, Any]]:
        """Return all choices of a connection: kind, key, value, label, who and when."""
        with self._database.read() as opened:
            found = opened.execute(_OF, {"of_connection": connection}).mappings()
            return [dict(row) for row in found]
