"""What comes near to a missing product, and when a connection was last connected."""

import sqlalchemy as sa
from alembic import op

from sync.store.database import UtcDateTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the change."""
    op.add_column("causes", sa.Column("near", sa.Text(), nullable=False, server_default=""))
    op.add_column("connections", sa.Column("connected_at", UtcDateTime))
