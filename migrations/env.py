"""How Alembic runs the migrations of the API's database; `app.migration` hands over the engine, else the app has it."""

from alembic import context

import app.models  # noqa: F401 (registers the tables)
from app.extensions import Base, db
from app.migration import run_migrations

run_migrations((context.config.attributes.get("engine") or db.engine).url, Base.metadata)
