"""Erasing: when an envelope's personal data and files were removed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("envelopes", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("audit_entries", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("audit_entries", "erased_at")
    op.drop_column("envelopes", "erased_at")
