"""What gunicorn serves: `gunicorn wsgi:app`."""

import sys

import structlog
from sqlalchemy.exc import OperationalError

from app.config import SettingsError, load_settings
from app.extensions import db, warn_about_sqlite
from app.factory import create_app
from app.schema import MIGRATIONS, WrongSchema, require_schema

#: gunicorn's "the worker cannot boot": it stops instead of trying again for ever.
WORKER_BOOT_ERROR = 3

try:
    settings = load_settings()
    app = create_app(settings)
    warn_about_sqlite(settings.database_url)
    with app.app_context():
        require_schema(db.engine, MIGRATIONS, place="DATABASE_URL")
        # gunicorn forks after this, and no connection may be shared by two processes.
        db.engine.dispose()
except OperationalError:
    # A worker that is replaced while the database is away must not end all of gunicorn; /v1/health says what is wrong.
    structlog.get_logger(__name__).warning("the database does not answer: the version of its tables is not checked")
except (SettingsError, WrongSchema) as error:
    print(f"countersign: {error}", file=sys.stderr)  # noqa: T201 (the one line that says why it does not start)
    sys.exit(WORKER_BOOT_ERROR)
