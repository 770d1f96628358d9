"""All four systems: renewals of tokens, watermarks, hints of webhooks, consents, backfills."""

import sqlalchemy as sa
from alembic import op

from sync.store.database import UtcDateTime

revision = "0002"
down_revision = "0001"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    _tokens()
    op.add_column("routes", sa.Column("watermark", UtcDateTime))
    op.add_column("routes", sa.Column("walked_at", UtcDateTime))
    _batches()
    _hints()
    _consents()


def _tokens() -> None:
    version = sa.Column("token_version", sa.Integer(), nullable=False, server_default="1")
    op.add_column("connections", version)
    op.add_column("connections", sa.Column("renewal_until", UtcDateTime))
    op.add_column("connections", sa.Column("renewal_sent_at", UtcDateTime))


def _batches() -> None:
    op.create_table(
        "batches",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("route_id", ROW_ID, nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("position", sa.Text()),
        sa.Column("listed", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("receipt", sa.String(200)),
        sa.Column("owner", sa.String(80)),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("finished_at", UtcDateTime),
        sa.Column("message", sa.JSON()),
        sa.ForeignKeyConstraint(["route_id"], ["routes.id"], name="fk_batches_route_id"),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sa.UniqueConstraint("receipt", name="uq_batches_receipt"),
    )
    op.add_column("syncs", sa.Column("batch_id", ROW_ID))
    where = sa.text("batch_id IS NOT NULL")
    op.create_index(
        "ix_syncs_batch",
        "syncs",
        ["batch_id", "status"],
        sqlite_where=where,
        postgresql_where=where,
    )


def _hints() -> None:
    op.create_table(
        "hints",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("uid", sa.String(200), nullable=False),
        sa.Column("system", sa.String(20), nullable=False),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("entity", sa.String(40), nullable=False),
        sa.Column("object_id", sa.String(100), nullable=False),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.Column("due", UtcDateTime, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("heard_at", UtcDateTime),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_hints"),
        sa.UniqueConstraint("system", "uid", name="uq_hints_system_uid"),
    )
    where = sa.text("heard_at IS NULL")
    op.create_index(
        "ix_hints_open", "hints", ["due", "id"], sqlite_where=where, postgresql_where=where
    )


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("state", sa.String(64), nullable=False),
        sa.Column("system", sa.String(20), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("cookie", sa.String(64)),
        sa.Column("verifier", sa.Text()),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("team", sa.String(40)),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("started_at", UtcDateTime),
        sa.Column("used_at", UtcDateTime),
        sa.PrimaryKeyConstraint("state", name="pk_consents"),
    )
