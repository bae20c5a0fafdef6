"""Purging and erasing: what of a request is gone since when, which files are to go, and indexes to delete rows by."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

IS_OPEN = sa.text("finished_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "discarded_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("discarded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_discarded_files"),
    )
    op.create_index("ix_discarded_files_due_at", "discarded_files", ["due_at"])
    op.add_column("signature_requests", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("stored_files", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("idempotency_keys", sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True))
    # A row that is deleted is looked for in every column that may point to it: without an index, in the whole table.
    op.create_index("ix_renders_file_id", "renders", ["file_id"])
    op.create_index("ix_signature_requests_signed_file_id", "signature_requests", ["signed_file_id"])
    op.create_index("ix_signature_requests_certificate_file_id", "signature_requests", ["certificate_file_id"])
    op.create_index("ix_history_recipient_id", "history", ["recipient_id"])
    op.drop_index("ix_signature_requests_render", "signature_requests")
    op.create_index("ix_signature_requests_render", "signature_requests", ["render_id", "created_at"])
    op.drop_index("ix_webhook_deliveries_open", "webhook_deliveries")
    op.create_index("ix_webhook_deliveries_request_id", "webhook_deliveries", ["request_id"])


def downgrade() -> None:
    op.drop_index("ix_webhook_deliveries_request_id", "webhook_deliveries")
    op.create_index(
        "ix_webhook_deliveries_open",
        "webhook_deliveries",
        ["request_id"],
        sqlite_where=IS_OPEN,
        postgresql_where=IS_OPEN,
    )
    op.drop_index("ix_signature_requests_render", "signature_requests")
    op.create_index("ix_signature_requests_render", "signature_requests", ["project_id", "render_id", "created_at"])
    op.drop_index("ix_history_recipient_id", "history")
    op.drop_index("ix_signature_requests_certificate_file_id", "signature_requests")
    op.drop_index("ix_signature_requests_signed_file_id", "signature_requests")
    op.drop_index("ix_renders_file_id", "renders")
    op.drop_column("idempotency_keys", "purged_at")
    op.drop_column("stored_files", "erased_at")
    op.drop_column("signature_requests", "erased_at")
    op.drop_index("ix_discarded_files_due_at", "discarded_files")
    op.drop_table("discarded_files")
