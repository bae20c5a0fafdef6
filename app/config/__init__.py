"""Settings: every environment variable, converted and checked once (README, "Settings").

A value can also come from a file: set `NAME_FILE` to its path instead of `NAME`.
"""

from app.config.api import Settings, load_settings
from app.config.signer import SignerPlaces, SignerSettings, load_signer_places, load_signer_settings
from app.config.values import SettingsError, install, require_database

__all__ = [
    "Settings",
    "SettingsError",
    "SignerPlaces",
    "SignerSettings",
    "install",
    "load_settings",
    "load_signer_places",
    "load_signer_settings",
    "require_database",
]
