"""The table of prechecks. Times are aware UTC."""

import sqlalchemy as sa

from sync.store.database import UtcDateTime
from sync.store.tables import RowId, metadata

prechecks = sa.Table(
    "prechecks",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("route_id", RowId, sa.ForeignKey("routes.id"), nullable=False, index=True),
    sa.Column("state", sa.String(10), nullable=False, index=True),
    # somebody asked that it ends
    sa.Column("stopping", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("looked", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("missing", sa.Integer, nullable=False, default=0, server_default="0"),
    # goods without a match, with near ones and what came of creating them
    sa.Column("findings", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("actor_id", sa.String(80), nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("receipt", sa.String(200), unique=True),
    sa.Column("creator_id", sa.String(80)),
    sa.Column("creator_name", sa.Text),
    sa.Column("create_receipt", sa.String(200)),
    sa.Column("owner", sa.String(80)),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("message", sa.JSON),
)
