"""All the parts of the signing service, built once by the factory."""

from dataclasses import dataclass

from app.config import SignerSettings
from app.domain.ports import FileStorage
from app.signer.ceremony import Ceremony
from app.signer.codes import Codes
from app.signer.database import Database
from app.signer.envelopes import Envelopes
from app.signer.files import FileLinks
from app.signer.jobs import Jobs
from app.signer.reminders import Reminders
from app.signer.uploads import Uploads


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """What the routes work with; on the application as `app.extensions["signer"]`."""

    settings: SignerSettings
    database: Database
    storage: FileStorage
    files: FileLinks
    uploads: Uploads
    envelopes: Envelopes
    reminders: Reminders
    ceremony: Ceremony
    codes: Codes
    jobs: Jobs
