"""Drafts: what a person has entered and not yet signed."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recipients", sa.Column("draft", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    op.drop_column("recipients", "draft")
