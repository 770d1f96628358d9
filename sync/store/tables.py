"""The tables. Amounts are integer minor units beside an ISO 4217 code; times are aware UTC."""

import sqlalchemy as sa

from sync.store.database import UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# BIGINT on PostgreSQL; SQLite numbers rows by itself only under INTEGER.
RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Numbers are searched by prefix: byte order serves ranges on both databases.
Number = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")

connections = sa.Table(
    "connections",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("system", sa.String(20), nullable=False),
    sa.Column("name", sa.String(60), nullable=False, unique=True),
    sa.Column("base_url", sa.Text, nullable=False),
    sa.Column("api_prefix", sa.Text),
    sa.Column("web_url", sa.Text),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("account_name", sa.Text, nullable=False),
    sa.Column("secret", sa.Text),
    sa.Column("secret_version", sa.Integer, nullable=False, default=1),
    # the rotation of OAuth tokens: counted apart, so that a renewal opens no connector anew
    sa.Column("token_version", sa.Integer, nullable=False, default=1, server_default="1"),
    sa.Column("renewal_until", UtcDateTime),
    sa.Column("renewal_sent_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("connected_at", UtcDateTime),
)

routes = sa.Table(
    "routes",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("name", sa.String(130), nullable=False, unique=True),
    sa.Column("source_id", RowId, sa.ForeignKey("connections.id"), nullable=False),
    sa.Column("destination_id", RowId, sa.ForeignKey("connections.id"), nullable=False),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("statuses", sa.JSON, nullable=False),
    sa.Column("swept_at", UtcDateTime),
    sa.Column("sweep_reason", sa.Text),
    # up to here the source's changes are known: the beginning of its last whole sweep
    sa.Column("watermark", UtcDateTime),
    # when the whole list was walked last
    sa.Column("walked_at", UtcDateTime),
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("route_id", RowId, sa.ForeignKey("routes.id"), nullable=False),
    sa.Column("first", sa.Date, nullable=False),
    sa.Column("last", sa.Date, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("position", sa.Text),
    sa.Column("listed", sa.Integer, nullable=False, default=0),
    sa.Column("found", sa.Integer, nullable=False, default=0),
    sa.Column("reason", sa.Text),
    sa.Column("actor_id", sa.String(80), nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("receipt", sa.String(200), unique=True),
    sa.Column("owner", sa.String(80)),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("message", sa.JSON),
)

syncs = sa.Table(
    "syncs",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("route_id", RowId, sa.ForeignKey("routes.id"), nullable=False),
    sa.Column("source_key", sa.String(200), nullable=False),
    sa.Column("source_id", sa.String(100), nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("order_id", sa.String(100), nullable=False),
    sa.Column("order_number", Number, nullable=False),
    sa.Column("document_number", Number),
    sa.Column("source_url", sa.Text),
    sa.Column("customer", sa.Text),
    sa.Column("lane", sa.String(60), nullable=False),
    sa.Column("status", sa.String(12), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("retries", sa.Integer, nullable=False, default=0),
    sa.Column("failures", sa.Integer, nullable=False, default=0),
    sa.Column("postponements", sa.Integer, nullable=False, default=0),
    sa.Column("fence", sa.Integer, nullable=False, default=0),
    sa.Column("worker", sa.String(80)),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("payload_hash", sa.String(64)),
    sa.Column("due", UtcDateTime, nullable=False),
    sa.Column("not_before", UtcDateTime),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("waiting_for", sa.String(20)),
    sa.Column("trigger", sa.String(10), nullable=False),
    sa.Column("actor_id", sa.String(80), nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("error_type", sa.String(40)),
    sa.Column("cause_key", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("note", sa.String(40)),
    sa.Column("amount_minor", sa.BigInteger),
    sa.Column("currency", sa.String(3)),
    sa.Column("destination_id", sa.String(100)),
    sa.Column("destination_number", Number),
    sa.Column("destination_url", sa.Text),
    sa.Column("discovered_at", UtcDateTime, nullable=False),
    sa.Column("attempted_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    # of the backfill that found it; no foreign key, for SQLite cannot add one to a table
    sa.Column("batch_id", RowId),
    # the hold behind which it waited, from the moment it was let go
    sa.Column("released_by", RowId),
    # the bulk retry that sent it back last
    sa.Column("bulk_id", RowId),
    # when the row last moved in the eyes of a reader: the log's order
    sa.Column("at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("route_id", "source_key"),
)


def _partial(name: str, condition: str, *columns: str) -> sa.Index:
    where = sa.text(condition)
    return sa.Index(
        name, *(syncs.c[column] for column in columns), sqlite_where=where, postgresql_where=where
    )


_partial(
    "ix_syncs_ready",
    "status = 'pending' AND not_before IS NULL",
    "lane",
    "priority",
    "due",
    "id",
)
_partial(
    "ix_syncs_waiting",
    "status = 'pending' AND not_before IS NOT NULL",
    "lane",
    "not_before",
)
_partial("ix_syncs_processing", "status = 'processing'", "lane", "lease_until")
_partial(
    "ix_syncs_failed",
    "status = 'failed'",
    "error_type",
    "cause_key",
    "lane",
    "currency",
    "amount_minor",
    "discovered_at",
    "not_before",
)
_partial("ix_syncs_retrying", "status = 'failed' AND not_before IS NOT NULL", "lane", "not_before")
_partial("ix_syncs_synced", "status = 'success'", "finished_at", "failures")
sa.Index("ix_syncs_log", syncs.c.at, syncs.c.id)
sa.Index("ix_syncs_status_log", syncs.c.status, syncs.c.at, syncs.c.id)
sa.Index("ix_syncs_order_number", syncs.c.order_number)
sa.Index("ix_syncs_document_number", syncs.c.document_number)
sa.Index("ix_syncs_order", syncs.c.route_id, syncs.c.order_id)
_partial("ix_syncs_batch", "batch_id IS NOT NULL", "batch_id", "status")
_partial("ix_syncs_released", "released_by IS NOT NULL", "released_by", "status")
_partial("ix_syncs_bulk", "bulk_id IS NOT NULL", "bulk_id", "status")

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("sync_id", RowId, sa.ForeignKey("syncs.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("trigger", sa.String(10), nullable=False),
    sa.Column("actor_id", sa.String(80), nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("outcome", sa.String(12)),
    sa.Column("error_type", sa.String(40)),
    sa.Column("reason", sa.Text),
    sa.Column("exchanges", sa.JSON, nullable=False),
    # from when on it waited for its turn
    sa.Column("due", UtcDateTime),
    sa.UniqueConstraint("sync_id", "number"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("sync_id", RowId, sa.ForeignKey("syncs.id"), nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("move", sa.String(12), nullable=False),
    sa.Column("was", sa.String(12)),
    sa.Column("became", sa.String(12), nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("actor_id", sa.String(80), nullable=False),
    sa.Column("error_type", sa.String(40)),
)

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("name", sa.String(60), primary_key=True),
    sa.Column("owner", sa.String(80)),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("not_before", UtcDateTime),
    sa.Column("held_at", UtcDateTime),
    sa.Column("held_for", sa.String(60)),
    sa.Column("held_reason", sa.Text),
    sa.Column("held_by_sync", RowId),
    sa.Column("held_kind", sa.String(10)),
    # when a breaker asks the connection next, and how often it asked in vain
    sa.Column("probe_at", UtcDateTime),
    sa.Column("probes", sa.Integer, nullable=False, default=0, server_default="0"),
    # how many attempts may run at once after a hold, doubled by each success; empty: all
    sa.Column("release", sa.Integer),
)

holds = sa.Table(
    "holds",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("connection", sa.String(60), nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("actor_id", sa.String(80), nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("opened_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("message", sa.JSON),
)
_ongoing = sa.text("ended_at IS NULL")
sa.Index(
    "uq_holds_ongoing",
    holds.c.connection,
    unique=True,
    sqlite_where=_ongoing,
    postgresql_where=_ongoing,
)

paces = sa.Table(
    "paces",
    metadata,
    # a connection's name, or one of its limits: name#search
    sa.Column("connection", sa.String(80), primary_key=True),
    sa.Column("tat", sa.Double, nullable=False),
    sa.Column("rate", sa.Double),
    sa.Column("closed_until", sa.Double, nullable=False, default=0.0, server_default="0"),
    sa.Column("slowed", sa.Double, nullable=False, default=1.0, server_default="1"),
    sa.Column("slowed_at", sa.Double, nullable=False, default=0.0, server_default="0"),
)

mappings = sa.Table(
    "mappings",
    metadata,
    sa.Column("connection", sa.String(60), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("key", sa.String(400), primary_key=True),
    sa.Column("value", sa.Text),
    sa.Column("claimed_at", UtcDateTime),
)

hints = sa.Table(
    "hints",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("uid", sa.String(200), nullable=False),
    sa.Column("system", sa.String(20), nullable=False),
    sa.Column("account", sa.String(100), nullable=False),
    sa.Column("entity", sa.String(40), nullable=False),
    sa.Column("object_id", sa.String(100), nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("due", UtcDateTime, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("heard_at", UtcDateTime),
    sa.Column("reason", sa.Text),
    sa.UniqueConstraint("system", "uid"),
)
sa.Index(
    "ix_hints_open",
    hints.c.due,
    hints.c.id,
    sqlite_where=sa.text("heard_at IS NULL"),
    postgresql_where=sa.text("heard_at IS NULL"),
)

consents = sa.Table(
    "consents",
    metadata,
    # the hash of what leads to it: a ticket first, then the state that the browser carries
    sa.Column("state", sa.String(64), primary_key=True),
    sa.Column("system", sa.String(20), nullable=False),
    sa.Column("name", sa.String(60), nullable=False),
    sa.Column("cookie", sa.String(64)),
    sa.Column("verifier", sa.Text),
    sa.Column("actor_id", sa.String(80), nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("team", sa.String(40)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("used_at", UtcDateTime),
)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("receipt", sa.String(200), primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("answer", sa.JSON),
)

news = sa.Table(
    "news",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("sync_id", RowId, sa.ForeignKey("syncs.id"), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)

watches = sa.Table(
    "watches",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("sync_id", RowId, sa.ForeignKey("syncs.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("target", sa.JSON, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)

posts = sa.Table(
    "posts",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("uid", sa.String(40), nullable=False, unique=True),
    sa.Column("key", sa.String(120), index=True),
    sa.Column("method", sa.String(40), nullable=False),
    sa.Column("channel", sa.String(400), nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("due", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("claimed_at", UtcDateTime),
    sa.Column("result", sa.JSON),
    sa.Column("error", sa.Text),
)
_open = sa.text("state IN ('waiting', 'sending')")
sa.Index(
    "ix_posts_open",
    posts.c.state,
    posts.c.due,
    posts.c.id,
    sqlite_where=_open,
    postgresql_where=_open,
)
sa.Index("ix_posts_channel_claimed", posts.c.channel, posts.c.claimed_at)

digests = sa.Table(
    "digests",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("channel", sa.String(40), nullable=False),
    sa.Column("local_date", sa.Date, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("posted_at", UtcDateTime, nullable=False),
    sa.Column("message", sa.JSON),
    sa.Column("groups", sa.JSON, nullable=False),
    # when it was drawn last, and the figures for which: processes take turns by these
    sa.Column("drawn_at", UtcDateTime),
    sa.Column("drawn_for", sa.Text),
    sa.UniqueConstraint("channel", "local_date"),
)
