"""How Alembic runs the migrations of the signing service's own database; `app.migration` hands over the engine."""

from alembic import context

from app.migration import run_migrations
from app.signer.models import SignerBase

run_migrations(context.config.attributes["engine"].url, SignerBase.metadata)
