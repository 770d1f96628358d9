"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from sync.store.database import UtcDateTime

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NUMBER = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")


def upgrade() -> None:
    """Make the change."""
    _connections()
    _digests()
    _lanes()
    _mappings()
    _paces()
    _posts()
    _receipts()
    _routes()
    _syncs()
    _syncs_indexes()
    _attempts()
    _audit()
    _blockers()
    _news()
    _watches()
    _triggers()


def _connections() -> None:
    op.create_table(
        "connections",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("system", sa.String(20), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("api_prefix", sa.Text()),
        sa.Column("web_url", sa.Text()),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("account_name", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text()),
        sa.Column("secret_version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_connections"),
        sa.UniqueConstraint("name", name="uq_connections_name"),
    )


def _digests() -> None:
    op.create_table(
        "digests",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("posted_at", UtcDateTime(), nullable=False),
        sa.Column("message", sa.JSON()),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_digests"),
        sa.UniqueConstraint("channel", "local_date", name="uq_digests_channel_local_date"),
    )


def _lanes() -> None:
    op.create_table(
        "lanes",
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("owner", sa.String(80)),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("not_before", UtcDateTime()),
        sa.Column("held_at", UtcDateTime()),
        sa.Column("held_for", sa.String(60)),
        sa.Column("held_reason", sa.Text()),
        sa.Column("held_by_sync", ROW_ID),
        sa.PrimaryKeyConstraint("name", name="pk_lanes"),
    )


def _mappings() -> None:
    op.create_table(
        "mappings",
        sa.Column("connection", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("value", sa.Text()),
        sa.Column("claimed_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("connection", "kind", "key", name="pk_mappings"),
    )


def _paces() -> None:
    op.create_table(
        "paces",
        sa.Column("connection", sa.String(60), nullable=False),
        sa.Column("tat", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("connection", name="pk_paces"),
    )


def _posts() -> None:
    op.create_table(
        "posts",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("uid", sa.String(40), nullable=False),
        sa.Column("key", sa.String(120)),
        sa.Column("method", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(400), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("claimed_at", UtcDateTime()),
        sa.Column("result", sa.JSON()),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_posts"),
        sa.UniqueConstraint("uid", name="uq_posts_uid"),
    )
    op.create_index("ix_posts_channel_claimed", "posts", ["channel", "claimed_at"], unique=False)
    op.create_index("ix_posts_key", "posts", ["key"], unique=False)
    op.create_index(
        "ix_posts_open",
        "posts",
        ["state", "due", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'sending')"),
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("receipt", sa.String(200), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("answer", sa.JSON()),
        sa.PrimaryKeyConstraint("receipt", name="pk_receipts"),
    )
    op.create_index("ix_receipts_at", "receipts", ["at"], unique=False)


def _routes() -> None:
    op.create_table(
        "routes",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("name", sa.String(130), nullable=False),
        sa.Column("source_id", ROW_ID, nullable=False),
        sa.Column("destination_id", ROW_ID, nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("statuses", sa.JSON(), nullable=False),
        sa.Column("swept_at", UtcDateTime()),
        sa.Column("sweep_reason", sa.Text()),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["connections.id"], name="fk_routes_destination_id"
        ),
        sa.ForeignKeyConstraint(["source_id"], ["connections.id"], name="fk_routes_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_routes"),
        sa.UniqueConstraint("name", name="uq_routes_name"),
    )


def _sync_columns() -> list[sa.Column[Any]]:
    return [
        *_sync_identity(),
        *_sync_state(),
    ]


def _sync_identity() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("route_id", ROW_ID, nullable=False),
        sa.Column("source_key", sa.String(200), nullable=False),
        sa.Column("source_id", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("order_id", sa.String(100), nullable=False),
        sa.Column("order_number", NUMBER, nullable=False),
        sa.Column("document_number", NUMBER),
        sa.Column("source_url", sa.Text()),
        sa.Column("customer", sa.Text()),
        sa.Column("lane", sa.String(60), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retries", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("postponements", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(80)),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("sent_at", UtcDateTime()),
    ]


def _sync_state() -> list[sa.Column[Any]]:
    return [
        sa.Column("payload_hash", sa.String(64)),
        sa.Column("due", UtcDateTime(), nullable=False),
        sa.Column("not_before", UtcDateTime()),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("waiting_for", sa.String(20)),
        sa.Column("trigger", sa.String(10), nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("error_type", sa.String(40)),
        sa.Column("cause_key", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("note", sa.String(40)),
        sa.Column("amount_minor", sa.BigInteger()),
        sa.Column("currency", sa.String(3)),
        sa.Column("destination_id", sa.String(100)),
        sa.Column("destination_number", NUMBER),
        sa.Column("destination_url", sa.Text()),
        sa.Column("discovered_at", UtcDateTime(), nullable=False),
        sa.Column("attempted_at", UtcDateTime()),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("at", UtcDateTime(), nullable=False),
    ]


def _syncs() -> None:
    op.create_table(
        "syncs",
        *_sync_columns(),
        sa.ForeignKeyConstraint(["route_id"], ["routes.id"], name="fk_syncs_route_id"),
        sa.PrimaryKeyConstraint("id", name="pk_syncs"),
        sa.UniqueConstraint("route_id", "source_key", name="uq_syncs_route_id_source_key"),
    )


SYNC_INDEXES: dict[str, tuple[str, list[str]]] = {
    "ix_syncs_document_number": ("", ["document_number"]),
    "ix_syncs_log": ("", ["at", "id"]),
    "ix_syncs_order": ("", ["route_id", "order_id"]),
    "ix_syncs_order_number": ("", ["order_number"]),
    "ix_syncs_status_log": ("", ["status", "at", "id"]),
    "ix_syncs_processing": ("status = 'processing'", ["lane", "lease_until"]),
    "ix_syncs_ready": (
        "status = 'pending' AND not_before IS NULL",
        ["lane", "priority", "due", "id"],
    ),
    "ix_syncs_waiting": ("status = 'pending' AND not_before IS NOT NULL", ["lane", "not_before"]),
    "ix_syncs_retrying": ("status = 'failed' AND not_before IS NOT NULL", ["lane", "not_before"]),
    "ix_syncs_synced": ("status = 'success'", ["finished_at", "failures"]),
    "ix_syncs_failed": (
        "status = 'failed'",
        [
            *("error_type", "cause_key", "lane", "currency"),
            *("amount_minor", "discovered_at", "not_before"),
        ],
    ),
}


def _syncs_indexes() -> None:
    for name, (condition, columns) in SYNC_INDEXES.items():
        where = sa.text(condition) if condition else None
        op.create_index(name, "syncs", columns, sqlite_where=where, postgresql_where=where)


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("sync_id", ROW_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("trigger", sa.String(10), nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("outcome", sa.String(12)),
        sa.Column("error_type", sa.String(40)),
        sa.Column("reason", sa.Text()),
        sa.Column("exchanges", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["sync_id"], ["syncs.id"], name="fk_attempts_sync_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.UniqueConstraint("sync_id", "number", name="uq_attempts_sync_id_number"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("sync_id", ROW_ID, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("move", sa.String(12), nullable=False),
        sa.Column("was", sa.String(12)),
        sa.Column("became", sa.String(12), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("error_type", sa.String(40)),
        sa.ForeignKeyConstraint(["sync_id"], ["syncs.id"], name="fk_audit_sync_id"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_sync_id", "audit", ["sync_id"], unique=False)


def _blockers() -> None:
    op.create_table(
        "blockers",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("sync_id", ROW_ID, nullable=False),
        sa.Column("error_type", sa.String(40), nullable=False),
        sa.Column("cause_key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sync_id"], ["syncs.id"], name="fk_blockers_sync_id"),
        sa.PrimaryKeyConstraint("id", name="pk_blockers"),
    )
    op.create_index("ix_blockers_sync_id", "blockers", ["sync_id"], unique=False)


def _news() -> None:
    op.create_table(
        "news",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("sync_id", ROW_ID, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["sync_id"], ["syncs.id"], name="fk_news_sync_id"),
        sa.PrimaryKeyConstraint("id", name="pk_news"),
    )


def _watches() -> None:
    op.create_table(
        "watches",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("sync_id", ROW_ID, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("target", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["sync_id"], ["syncs.id"], name="fk_watches_sync_id"),
        sa.PrimaryKeyConstraint("id", name="pk_watches"),
    )
    op.create_index("ix_watches_sync_id", "watches", ["sync_id"], unique=False)


FINAL = """
CREATE TRIGGER {name} BEFORE UPDATE OF status ON syncs
WHEN OLD.status = 'success' AND NEW.status <> 'success'
BEGIN SELECT RAISE(ABORT, 'a success is final'); END
"""
KEPT = """
CREATE TRIGGER {name} BEFORE {event} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} rows are kept'); END
"""
PG_FUNCTION = """
CREATE FUNCTION invsync_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]
   USING ERRCODE = 'integrity_constraint_violation'; END $$
"""
PG_FINAL = """
CREATE TRIGGER {name} BEFORE UPDATE OF status ON syncs FOR EACH ROW
WHEN (OLD.status = 'success' AND NEW.status <> 'success')
EXECUTE FUNCTION invsync_refuse('a success is final')
"""
PG_KEPT = """
CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW
EXECUTE FUNCTION invsync_refuse('{table} rows are kept')
"""
WATCHED = (("syncs", "DELETE"), ("audit", "DELETE"), ("audit", "UPDATE"))


def _triggers() -> None:
    """Repeat the two rules that outrank all code: a success is final, the audit is kept."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    if not is_sqlite:
        op.execute(PG_FUNCTION)
    op.execute((FINAL if is_sqlite else PG_FINAL).format(name="syncs_success_is_final"))
    for table, event in WATCHED:
        name = f"{table}_no_{event.lower()}"
        kept = KEPT if is_sqlite else PG_KEPT
        op.execute(kept.format(name=name, event=event, table=table))
