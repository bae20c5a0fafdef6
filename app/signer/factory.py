"""The composition root of the signing service: the only place that knows every part."""

import secrets
import sys
from email.utils import parseaddr
from functools import partial

from flask import Flask, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.config import SettingsError, SignerSettings, load_signer_settings
from app.domain import turns
from app.domain.errors import UnreadablePdf
from app.domain.ports import FileStorage
from app.extensions import is_sqlite
from app.gateways.storage.factory import open_storage
from app.logs import configure_logging
from app.pdf.inspector import SandboxedPdfInspector
from app.pdf.sandbox import Sandbox
from app.proxies import TrustedProxies
from app.request_log import observe
from app.schema import WrongSchema
from app.security_headers import add_security_headers
from app.signer.answers import MAX_DRAWN_BYTES
from app.signer.ceremony import Ceremony
from app.signer.codes import Codes
from app.signer.database import Database, open_database
from app.signer.dependencies import Dependencies
from app.signer.envelopes import Envelopes
from app.signer.events import EventOutbox
from app.signer.file_routes import make_file_routes
from app.signer.files import FileLinks
from app.signer.jobs import Bell, Jobs, Run
from app.signer.languages import Language
from app.signer.letters import Letters
from app.signer.mail import FolderTransport, MailQueue, MailTransport, SmtpTransport
from app.signer.models import Secret
from app.signer.page_images import PageImages, PageTexts
from app.signer.page_shortcut import PageShortcut
from app.signer.pages import MAX_FORM_BYTES, pages
from app.signer.protocol import make_protocol
from app.signer.reminders import Reminders
from app.signer.seal_key import UnusableCertificate, ensure_certificate, load_key
from app.signer.sealer import SandboxedSealer
from app.signer.sealing import SealingQueue
from app.signer.uploads import Uploads
from app.signer.webhook_switch import WebhookSwitch, switch_on
from app.signer.webhooks import EventQueue

#: gunicorn takes this exit status of a worker for "do not start it again".
WRONG_SETTINGS = 3
EXPIRY_BATCH = 50
LINK_KEY = "file-links"
CODE_KEY = "codes"
KEY_BYTES = 32

#: What `requests` needs of the environment to reach a time-stamping authority, through a proxy if there is one.
TO_AN_AUTHORITY = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "REQUESTS_CA_BUNDLE",
)


def create_signer() -> Flask:
    """Return the service as the environment sets it up; say in one line what is wrong with that, and exit.

    gunicorn forks after this: no connection is open, and the background work is yet to be started in each process
    (app/signer/gunicorn.py).
    """
    try:
        settings = load_signer_settings()
        configure_logging(level=settings.log_level, log_format=settings.log_format)
        app = build_signer(settings)
    except (SettingsError, UnusableCertificate, WrongSchema) as error:
        print(error, file=sys.stderr)  # noqa: T201 (for the person who starts it)
        raise SystemExit(WRONG_SETTINGS) from error
    app.extensions["signer"].database.engine.dispose()
    return app


def build_signer(settings: SignerSettings, *, sandbox: Sandbox | None = None) -> Flask:
    """Put the service together; its background work is in `extensions["signer"].jobs`, to be started.

    Documents are opened in `sandbox`, else in three of the service's own: requests do not wait for a document that is
    being stamped, and where documents are drawn, the key that seals is not.
    """
    dependencies = _assemble(
        settings,
        sandbox or Sandbox(),
        stamping_sandbox=sandbox or Sandbox(),
        sealing_sandbox=sandbox or Sandbox(passed_variables=TO_AN_AUTHORITY),
    )
    app = Flask(__name__, static_folder=None)
    app.debug = False  # Whatever FLASK_DEBUG says: its pages show source and settings.
    app.config["MAX_CONTENT_LENGTH"] = MAX_FORM_BYTES  # A route that takes more says so.
    app.extensions["signer"] = dependencies
    observe(app)
    app.register_blueprint(make_protocol(dependencies))
    app.register_blueprint(make_file_routes(dependencies))
    app.register_blueprint(pages)
    app.wsgi_app = PageShortcut(app.wsgi_app, dependencies.ceremony)  # type: ignore[method-assign]
    add_security_headers(app, public_url=settings.public_url)

    @app.get("/health")
    def health() -> ResponseReturnValue:
        """Say that the service is up, can reach its database and does its background work."""
        with dependencies.database.reading() as session:
            session.scalar(select(1))
        if not dependencies.jobs.are_running:
            return jsonify({"status": "no background work: start gunicorn with -c app/signer/gunicorn.py"}), 503
        return jsonify({"status": "ok"})

    app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    if is_sqlite(settings.database_url):
        app.wsgi_app = turns.by_turns(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _assemble(
    settings: SignerSettings, sandbox: Sandbox, *, stamping_sandbox: Sandbox, sealing_sandbox: Sandbox
) -> Dependencies:
    storage = _open_storage(settings)
    ensure_certificate(settings.certificate, settings.certificate_passphrase)
    sealer = SandboxedSealer(
        sandbox=sealing_sandbox,
        key=load_key(settings.certificate, settings.certificate_passphrase),
        tsa_url=settings.tsa_url,
    )
    # Last of what can stop the start: wrong settings leave the tables as they were.
    database = open_database(settings.database_url)
    inspector = SandboxedPdfInspector(sandbox)
    files = FileLinks(key=_own_key(database, LINK_KEY), public_url=settings.public_url)
    switch_on(database)
    switch = WebhookSwitch(disable_after=settings.webhook_disable_after)
    events = EventOutbox(switch if settings.webhook_url else None)
    letters = Letters(
        public_url=settings.public_url,
        mail_from=settings.mail_from,
        language=Language(settings.mail_language),
        files=files,
    )
    uploads = Uploads(database=database, storage=storage)
    bell = Bell()
    envelopes = Envelopes(
        database=database,
        storage=storage,
        sandbox=sandbox,
        inspector=inspector,
        uploads=uploads,
        events=events,
        letters=letters,
        wake=bell.ring,
    )
    sealing = SealingQueue(
        database, storage=storage, sandbox=stamping_sandbox, sealer=sealer, events=events, letters=letters
    )
    mails = MailQueue(database, storage=storage, transport=_transport(settings), events=events)
    runs: dict[str, Run] = {
        "sealing": sealing.run_pending,
        "expiry": lambda: envelopes.expire_due(EXPIRY_BATCH) + uploads.clear_expired(EXPIRY_BATCH),
        "mails": mails.run_pending,
    }
    if settings.webhook_url and settings.webhook_secret:
        queue = EventQueue(
            database,
            url=settings.webhook_url,
            secret=settings.webhook_secret,
            old_secret=settings.webhook_old_secret,
            switch=switch,
        )
        runs["events"] = queue.run_pending
    ceremony = Ceremony(
        database=database,
        events=events,
        letters=letters,
        files=files,
        page_images=PageImages(storage=storage, render=inspector.render_page),
        page_texts=PageTexts(storage=storage, read=inspector.page_texts),
        redraw=partial(_redraw, sandbox),
        wake=bell.ring,
    )
    return Dependencies(
        settings=settings,
        database=database,
        storage=storage,
        files=files,
        uploads=uploads,
        envelopes=envelopes,
        reminders=Reminders(database=database, letters=letters, wake=bell.ring),
        ceremony=ceremony,
        codes=Codes(
            database=database, events=events, letters=letters, key=_own_key(database, CODE_KEY), wake=bell.ring
        ),
        jobs=Jobs(runs, bell=bell),
    )


def _open_storage(settings: SignerSettings) -> FileStorage:
    try:
        return open_storage(settings.storage_url, s3_endpoint_url=settings.s3_endpoint_url)
    except ValueError as error:
        raise SettingsError(f"SIGNER_STORAGE_URL: {error}") from error


def _transport(settings: SignerSettings) -> MailTransport:
    if settings.smtp_url is None:
        return FolderTransport(settings.mail_folder)
    return SmtpTransport(settings.smtp_url, sender=parseaddr(settings.mail_from)[1])


def _redraw(sandbox: Sandbox, picture: bytes) -> bytes | None:
    """Draw a PNG from outside anew; None for one that shows nothing or cannot be read."""
    try:
        clean: bytes | None = sandbox.call("app.signer.images:redraw", content=picture, max_bytes=MAX_DRAWN_BYTES)
    except UnreadablePdf:
        return None
    return clean


def _own_key(database: Database, name: str) -> bytes:
    """Return the service's own key of that name; the first process that needs it makes it."""
    with database.reading() as session:
        secret = session.get(Secret, name)
    if secret is not None:
        return secret.value
    try:
        with database.unit_of_work() as session:
            session.add(Secret(name=name, value=secrets.token_bytes(KEY_BYTES)))
    except IntegrityError:
        pass  # Another process was faster; its key is the one.
    return _own_key(database, name)
