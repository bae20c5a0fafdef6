"""gunicorn's settings for the signing service, for a bare app beside it, which has no background work to start."""

from app.signer.gunicorn import *  # noqa: F403 (all the settings, and nothing else: its `__all__`)
