"""How Alembic runs the migrations of the API's database; called through Flask-Migrate inside an app context."""

import app.models  # noqa: F401 (registers the tables)
from app.extensions import Base, db
from app.migration import run_migrations

run_migrations(db.engine.url, Base.metadata)
