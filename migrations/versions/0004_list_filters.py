"""An index for lists of requests by status."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_signature_requests_status", "signature_requests", ["project_id", "status", "created_at"])


def downgrade() -> None:
    op.drop_index("ix_signature_requests_status", "signature_requests")
