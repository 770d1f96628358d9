"""Paces that learn, lanes that are held for several reasons, and the message of a hold."""

import sqlalchemy as sa
from alembic import op

from sync.store.database import UtcDateTime

revision = "0003"
down_revision = "0002"


ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    _paces()
    _lanes()
    _holds()
    op.add_column("syncs", sa.Column("released_by", ROW_ID))
    where = sa.text("released_by IS NOT NULL")
    op.create_index(
        "ix_syncs_released",
        "syncs",
        ["released_by", "status"],
        sqlite_where=where,
        postgresql_where=where,
    )


def _lanes() -> None:
    op.add_column("lanes", sa.Column("held_kind", sa.String(10)))
    op.add_column("lanes", sa.Column("probe_at", UtcDateTime))
    probes = sa.Column("probes", sa.Integer(), nullable=False, server_default="0")
    op.add_column("lanes", probes)
    op.add_column("lanes", sa.Column("release", sa.Integer()))
    op.execute("UPDATE lanes SET held_kind = 'refused' WHERE held_at IS NOT NULL")


def _holds() -> None:
    op.create_table(
        "holds",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("connection", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("began_at", UtcDateTime, nullable=False),
        sa.Column("opened_at", UtcDateTime),
        sa.Column("ended_at", UtcDateTime),
        sa.Column("message", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_holds"),
    )
    op.execute(
        "INSERT INTO holds (connection, kind, reason, actor_id, actor_name, began_at)"
        " SELECT held_for, 'refused', max(held_reason), 'engine', '', min(held_at)"
        " FROM lanes WHERE held_at IS NOT NULL AND held_for IS NOT NULL GROUP BY held_for"
    )
    where = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_holds_ongoing",
        "holds",
        ["connection"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def _paces() -> None:
    op.drop_table("paces")  # nothing in it outlives an hour
    op.create_table(
        "paces",
        sa.Column("connection", sa.String(80), nullable=False),
        sa.Column("tat", sa.Double(), nullable=False),
        sa.Column("rate", sa.Double()),
        sa.Column("closed_until", sa.Double(), nullable=False, server_default="0"),
        sa.Column("slowed", sa.Double(), nullable=False, server_default="1"),
        sa.Column("slowed_at", sa.Double(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("connection", name="pk_paces"),
    )
