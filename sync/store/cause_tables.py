"""The tables of causes: what stops syncs, what people did about it, and bulk retries.

Amounts are integer minor units beside an ISO 4217 code; times are aware UTC.
"""

import sqlalchemy as sa

from sync.store.database import UtcDateTime
from sync.store.tables import RowId, metadata

blockers = sa.Table(
    "blockers",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("sync_id", RowId, sa.ForeignKey("syncs.id"), nullable=False, index=True),
    sa.Column("error_type", sa.String(40), nullable=False),
    sa.Column("cause_key", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("cause_id", RowId),
    # nothing else stops its sync: mending the cause releases it
    sa.Column("sole", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    # counted in the tallies: its sync has failed, and stands there still
    sa.Column("open", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    # the engine tries its sync again by itself
    sa.Column("retrying", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    # when its sync was discovered: the age of a cause
    sa.Column("since", UtcDateTime),
)
sa.Index("ix_blockers_cause", blockers.c.cause_id, blockers.c.open, blockers.c.since)

causes = sa.Table(
    "causes",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("lane", sa.String(60), nullable=False),
    sa.Column("error_type", sa.String(40), nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    # the hash of type and key: a key may be longer than an index takes
    sa.Column("identity", sa.String(64), nullable=False),
    # the source's id of the customer whom it is about
    sa.Column("subject", sa.Text, nullable=False, default="", server_default=""),
    sa.Column("first_seen", UtcDateTime, nullable=False),
    # since when it stands, and when nothing was stopped by it any more
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("closed_at", UtcDateTime),
    # when it was gone last, before it came again
    sa.Column("fixed_at", UtcDateTime),
    sa.Column("openings", sa.Integer, nullable=False, default=1, server_default="1"),
    # when a figure of it changed last: what shows it is drawn again
    sa.Column("touched_at", UtcDateTime, nullable=False, index=True),
    # the last look whether it is gone
    sa.Column("verdict", sa.String(10)),
    sa.Column("verdict_reason", sa.Text),
    sa.Column("checked_at", UtcDateTime),
    # a code of the destination that the eye takes for the key, the last that anybody saw
    sa.Column("near", sa.Text, nullable=False, default="", server_default=""),
    sa.Column("owner_id", sa.String(80)),
    sa.Column("owner_name", sa.Text),
    sa.Column("snoozed_until", UtcDateTime),
    # how many documents it stopped when it was snoozed: it returns when there are more
    sa.Column("snoozed_at", sa.Integer),
    sa.UniqueConstraint("lane", "identity"),
)
sa.Index("ix_causes_open", causes.c.closed_at, causes.c.id)

tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("cause_id", RowId, primary_key=True),
    sa.Column("sole", sa.Boolean, primary_key=True),
    sa.Column("retrying", sa.Boolean, primary_key=True),
    # empty where the amount is not known
    sa.Column("currency", sa.String(3), primary_key=True),
    # the UTC day of the documents' discovery
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("minor", sa.BigInteger, nullable=False),
)

deeds = sa.Table(
    "deeds",
    metadata,
    # what people did about causes and documents: fixes, skips, assignments, approvals
    sa.Column("id", RowId, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("actor_id", sa.String(80), nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("cause_id", RowId, index=True),
    sa.Column("sync_id", RowId, index=True),
    sa.Column("bulk_id", RowId),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("receipt", sa.String(200), unique=True),
)

choices = sa.Table(
    "choices",
    metadata,
    # what a person chose to stand for something of a source, in one destination connection
    sa.Column("connection", sa.String(60), primary_key=True),
    sa.Column("kind", sa.String(20), primary_key=True),
    sa.Column("key", sa.String(400), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("actor_id", sa.String(80), nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)

bulks = sa.Table(
    "bulks",
    metadata,
    sa.Column("id", RowId, primary_key=True),
    sa.Column("cause_id", RowId, sa.ForeignKey("causes.id"), nullable=False, index=True),
    sa.Column("state", sa.String(10), nullable=False),
    # what the person who asked was shown: a count, and minor units by currency
    sa.Column("asked", sa.Integer, nullable=False),
    sa.Column("amounts", sa.JSON, nullable=False),
    sa.Column("anyway", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("actor_id", sa.String(80), nullable=False),
    sa.Column("actor_name", sa.Text, nullable=False),
    sa.Column("approver_id", sa.String(80)),
    sa.Column("approver_name", sa.Text),
    sa.Column("approve_until", UtcDateTime),
    sa.Column("receipt", sa.String(200), unique=True),
    # the last blocker to send back, none once all are, and how many were
    sa.Column("upto", RowId),
    sa.Column("sent", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("reason", sa.Text),
    sa.Column("owner", sa.String(80)),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("message", sa.JSON),
)
sa.Index("ix_bulks_state", bulks.c.state, bulks.c.id)
