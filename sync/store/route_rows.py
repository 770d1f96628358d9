"""What the rows of work on one route share: whose ends they show, and one beginning at a time."""

from typing import Any

import sqlalchemy as sa

from sync.store.tables import connections, routes

_source = connections.alias("source")
_destination = connections.alias("destination")
LOCKED_ROUTE = (
    sa.select(routes.c.id).where(routes.c.id == sa.bindparam("on_route")).with_for_update()
)
"""Locked: two beginnings on one route come one after the other."""


def on_its_route(table: sa.Table) -> sa.Select[Any]:
    """Return the select of a table's rows with the names and systems of their route's ends."""
    return (
        sa.select(
            table,
            routes.c.name.label("route"),
            _source.c.name.label("source"),
            _source.c.system.label("source_system"),
            _destination.c.name.label("destination"),
            _destination.c.system.label("destination_system"),
        )
        .join(routes, routes.c.id == table.c.route_id)
        .join(_source, _source.c.id == routes.c.source_id)
        .join(_destination, _destination.c.id == routes.c.destination_id)
    )
