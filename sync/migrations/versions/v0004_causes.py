"""Causes with their tallies, what people did about them and chose, and bulk retries.

What stops failed syncs in an older database becomes causes, counted.
"""

import hashlib
from collections import Counter, defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

from sync.store.database import UtcDateTime

revision = "0004"
down_revision = "0003"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    _causes()
    _tallies()
    _deeds()
    _choices()
    _bulks()
    _prechecks()
    _blockers()
    _syncs()
    _digests()
    _count()


def _causes() -> None:
    op.create_table(
        "causes",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("lane", sa.String(60), nullable=False),
        sa.Column("error_type", sa.String(40), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, server_default=""),
        sa.Column("first_seen", UtcDateTime, nullable=False),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("closed_at", UtcDateTime),
        sa.Column("fixed_at", UtcDateTime),
        sa.Column("openings", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("touched_at", UtcDateTime, nullable=False),
        sa.Column("verdict", sa.String(10)),
        sa.Column("verdict_reason", sa.Text()),
        sa.Column("checked_at", UtcDateTime),
        sa.Column("owner_id", sa.String(80)),
        sa.Column("owner_name", sa.Text()),
        sa.Column("snoozed_until", UtcDateTime),
        sa.Column("snoozed_at", sa.Integer()),
        sa.UniqueConstraint("lane", "identity", name="uq_causes_lane_identity"),
        sa.PrimaryKeyConstraint("id", name="pk_causes"),
    )
    op.create_index("ix_causes_touched_at", "causes", ["touched_at"])
    op.create_index("ix_causes_open", "causes", ["closed_at", "id"])


def _tallies() -> None:
    op.create_table(
        "tallies",
        sa.Column("cause_id", ROW_ID, nullable=False),
        sa.Column("sole", sa.Boolean(), nullable=False),
        sa.Column("retrying", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "cause_id", "sole", "retrying", "currency", "day", name="pk_tallies"
        ),
    )


def _deeds() -> None:
    op.create_table(
        "deeds",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("cause_id", ROW_ID),
        sa.Column("sync_id", ROW_ID),
        sa.Column("bulk_id", ROW_ID),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("receipt", sa.String(200)),
        sa.UniqueConstraint("receipt", name="uq_deeds_receipt"),
        sa.PrimaryKeyConstraint("id", name="pk_deeds"),
    )
    op.create_index("ix_deeds_at", "deeds", ["at"])
    op.create_index("ix_deeds_cause_id", "deeds", ["cause_id"])
    op.create_index("ix_deeds_sync_id", "deeds", ["sync_id"])


def _choices() -> None:
    op.create_table(
        "choices",
        sa.Column("connection", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("connection", "kind", "key", name="pk_choices"),
    )


def _bulks() -> None:
    op.create_table(
        "bulks",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("cause_id", ROW_ID, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("amounts", sa.JSON(), nullable=False),
        sa.Column("anyway", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("approver_id", sa.String(80)),
        sa.Column("approver_name", sa.Text()),
        sa.Column("approve_until", UtcDateTime),
        sa.Column("receipt", sa.String(200)),
        sa.Column("upto", ROW_ID),
        sa.Column("sent", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("reason", sa.Text()),
        sa.Column("owner", sa.String(80)),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("finished_at", UtcDateTime),
        sa.Column("message", sa.JSON()),
        sa.ForeignKeyConstraint(["cause_id"], ["causes.id"], name="fk_bulks_cause_id"),
        sa.UniqueConstraint("receipt", name="uq_bulks_receipt"),
        sa.PrimaryKeyConstraint("id", name="pk_bulks"),
    )
    op.create_index("ix_bulks_cause_id", "bulks", ["cause_id"])
    op.create_index("ix_bulks_state", "bulks", ["state", "id"])


def _prechecks() -> None:
    op.create_table(
        "prechecks",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("route_id", ROW_ID, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("stopping", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("looked", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("missing", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("receipt", sa.String(200)),
        sa.Column("creator_id", sa.String(80)),
        sa.Column("creator_name", sa.Text()),
        sa.Column("create_receipt", sa.String(200)),
        sa.Column("owner", sa.String(80)),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("finished_at", UtcDateTime),
        sa.Column("message", sa.JSON()),
        sa.ForeignKeyConstraint(["route_id"], ["routes.id"], name="fk_prechecks_route_id"),
        sa.UniqueConstraint("receipt", name="uq_prechecks_receipt"),
        sa.PrimaryKeyConstraint("id", name="pk_prechecks"),
    )
    op.create_index("ix_prechecks_route_id", "prechecks", ["route_id"])
    op.create_index("ix_prechecks_state", "prechecks", ["state"])


def _blockers() -> None:
    op.add_column("blockers", sa.Column("cause_id", ROW_ID))
    for name in ("sole", "open", "retrying"):
        flag: sa.Column[bool] = sa.Column(
            name, sa.Boolean(), nullable=False, server_default=sa.false()
        )
        op.add_column("blockers", flag)
    op.add_column("blockers", sa.Column("since", UtcDateTime))
    op.create_index("ix_blockers_cause", "blockers", ["cause_id", "open", "since"])


def _syncs() -> None:
    op.add_column("attempts", sa.Column("due", UtcDateTime))
    op.add_column("syncs", sa.Column("bulk_id", ROW_ID))
    where = sa.text("bulk_id IS NOT NULL")
    op.create_index(
        "ix_syncs_bulk",
        "syncs",
        ["bulk_id", "status"],
        sqlite_where=where,
        postgresql_where=where,
    )


def _digests() -> None:
    op.add_column("digests", sa.Column("drawn_at", UtcDateTime))
    op.add_column("digests", sa.Column("drawn_for", sa.Text()))


def _count() -> None:
    """Give each blocker of a failed sync its cause, and count."""
    connection = op.get_bind()
    found = connection.execute(
        sa.text(
            "SELECT b.id, b.sync_id, b.error_type, b.cause_key, s.lane, s.discovered_at,"
            " s.currency, s.amount_minor, s.not_before FROM blockers b"
            " JOIN syncs s ON s.id = b.sync_id WHERE s.status = 'failed' ORDER BY b.id"
        ).columns(discovered_at=UtcDateTime)
    ).all()
    stops = Counter(row.sync_id for row in found)
    groups: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for row in found:
        groups[row.lane, row.error_type, row.cause_key].append(row)
    for (lane, error_type, key), rows in groups.items():
        cause_id = _cause(connection, lane, error_type, key, [row.discovered_at for row in rows])
        counted: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0])
        for row in rows:
            sole, retrying = stops[row.sync_id] == 1, row.not_before is not None
            day = row.discovered_at.date()
            tally = counted[cause_id, sole, retrying, row.currency or "", day]
            tally[0] += 1
            tally[1] += row.amount_minor or 0
            given = {
                "cause": cause_id,
                "sole": sole,
                "retrying": retrying,
                "since": row.discovered_at,
                "id": row.id,
            }
            connection.execute(_OPENED, given)
        for place, (count, minor) in counted.items():
            names = ("cause_id", "sole", "retrying", "currency", "day")
            values = {**dict(zip(names, place, strict=True)), "count": count, "minor": minor}
            connection.execute(_TALLIED, values)


_OPENED = sa.text(
    "UPDATE blockers SET cause_id = :cause, sole = :sole, open = :yes, retrying = :retrying,"
    " since = :since WHERE id = :id"
).bindparams(sa.bindparam("yes", value=True), sa.bindparam("since", type_=UtcDateTime))
_TALLIED = sa.text(
    "INSERT INTO tallies (cause_id, sole, retrying, currency, day, count, minor)"
    " VALUES (:cause_id, :sole, :retrying, :currency, :day, :count, :minor)"
).bindparams(sa.bindparam("day", type_=sa.Date()))
_ADDED = sa.text(
    "INSERT INTO causes (lane, error_type, key, identity, first_seen, opened_at, touched_at)"
    " VALUES (:lane, :error_type, :key, :identity, :first, :first, :last) RETURNING id"
).bindparams(sa.bindparam("first", type_=UtcDateTime), sa.bindparam("last", type_=UtcDateTime))


def _cause(connection: sa.Connection, lane: str, error_type: str, key: str, seen: list[Any]) -> int:
    identity = hashlib.sha256(f"{error_type}\n{key}".encode()).hexdigest()
    given = {
        "lane": lane,
        "error_type": error_type,
        "key": key,
        "identity": identity,
        "first": min(seen),
        "last": max(seen),
    }
    return int(connection.execute(_ADDED, given).scalar_one())
