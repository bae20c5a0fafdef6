"""What gunicorn serves: `gunicorn wsgi:app`."""

import sys

from app.config import SettingsError, load_settings
from app.extensions import warn_about_sqlite
from app.factory import create_app

#: gunicorn's "the worker cannot boot": it stops instead of trying again for ever.
WORKER_BOOT_ERROR = 3

try:
    settings = load_settings()
    app = create_app(settings)
    warn_about_sqlite(settings.database_url)
except SettingsError as error:
    print(f"countersign: {error}", file=sys.stderr)  # noqa: T201 (the one line that says why it does not start)
    sys.exit(WORKER_BOOT_ERROR)
