"""Languages: in which one a person is written to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recipients", sa.Column("language", sa.String(length=10), nullable=True))


def downgrade() -> None:
    op.drop_column("recipients", "language")
