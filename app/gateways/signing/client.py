"""The remote signing service over HTTP: one method per thing we ask of it, each made once and with a time-out."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit
from uuid import UUID

import structlog

from app.domain import clock
from app.domain.errors import (
    FileNotOffered,
    ProviderError,
    ProviderUnavailable,
)
from app.domain.ports import EnvelopeDraft, EnvelopeState, FoundEnvelope, RecipientState, SentEnvelope
from app.gateways.signing import answers
from app.gateways.signing.failures import (
    CANCEL_REFUSALS,
    CREATE_REFUSALS,
    ENVELOPE_REFUSALS,
    REMIND_REFUSALS,
    Refusals,
    failure_for,
    not_ready,
    not_reminded,
    unreadable,
)
from app.gateways.signing.files import SignedLinks
from app.gateways.signing.mapping import envelope_body, reference_description
from app.gateways.signing.transport import Answer, Transport

T = TypeVar("T")

log = structlog.get_logger(__name__)

_JSON_LIMIT_BYTES = 8 * 1024 * 1024
#: A larger document is uploaded first: in base64 it would be over what the service takes in one body (section 3).
_INLINE_DOCUMENT_BYTES = 3_500_000
#: A "too many requests" is waited out inside the call up to this many seconds (section 18).
_LONGEST_WAIT = 2
_PAGE_SIZE = 200
#: 20,000 envelopes in the minutes around one lost answer: then something else is wrong.
_MOST_PAGES = 100
_REASON_LENGTH = 500
#: Characters with a meaning in the service's text search; a name that holds one is not used to narrow the search.
_SEARCH_SYNTAX = frozenset('\\%*,()"')


class SigningClient:
    """`SigningProvider` over the service's REST API (provider fact sheet); safe to share between threads."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        connect_timeout: float = 5,
        read_timeout: float = 30,
        create_timeout: float = 60,
    ) -> None:
        """Prepare the client; nothing is sent. Time-outs are seconds.

        `base_url` ends in `/signing-request-api`. Raises ValueError for a URL or key that can never work.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("The signing service's URL must be http or https.")
        if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise ValueError("The signing service's API key must be visible ASCII characters.")
        self._base_url = base_url.rstrip("/")
        self._read_timeout = read_timeout
        self._create_timeout = create_timeout
        self._api = Transport(
            connect_timeout=connect_timeout,
            headers={"Authorization": f"Bearer {api_key}", "X-API-Version": "1", "Accept": "application/json"},
        )
        self._links = SignedLinks(
            schemes=frozenset({"https", parts.scheme}),
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
        )

    def create_and_send(self, draft: EnvelopeDraft) -> SentEnvelope:
        """Create and send in one call, made once; see the port for what each error promises.

        A 409 that names an envelope means that sending had begun: that envelope is ours (section 2.7). Every other
        answer that does not plainly say "not done" is a lost one.
        """
        document_id = self._upload(draft) if len(draft.document) > _INLINE_DOCUMENT_BYTES else None
        answer = self._request(
            "create",
            "POST",
            "/signing-requests/create-and-send",
            json=envelope_body(draft, document_id=document_id),
            read_timeout=self._create_timeout,
            refusals=CREATE_REFUSALS,
            also=frozenset({409}),
        )
        member = "id" if answer.ok else "signing_request_id"
        provider_id = _parse(answer, lambda data: answers.identifier(data.get(member)))
        try:
            people = answers.recipients(answers.json_object(answer.body), "recipients")
            return SentEnvelope(provider_id=provider_id, recipients=answers.match_recipients(people, draft.recipients))
        except answers.UnreadableAnswer:
            return self._adopt(provider_id, draft, answer)

    def find_by_reference(self, reference: UUID, *, name: str, created_after: datetime) -> tuple[FoundEnvelope, ...]:
        """Search the list from `created_after` on (the caller allows for skewed clocks), newest first (section 6)."""
        description = reference_description(reference)
        found: dict[str, FoundEnvelope] = {}
        params = {
            "created_after": clock.format_timestamp(created_after),
            "sort_by": "created_on",
            "sort_order": "desc",
            "page_size": str(_PAGE_SIZE),
        }
        # A service may keep a name with less white space; then a search for the whole would miss it.
        if not _SEARCH_SYNTAX & set(name) and name == " ".join(name.split()):
            params["name"] = name
        for page in range(1, _MOST_PAGES + 1):
            answer = self._request("find", "GET", "/signing-requests", params={**params, "page": str(page)})
            hits, pages = _parse(
                answer, lambda data: (answers.found_envelopes(data, description), answers.total_pages(data))
            )
            # An envelope created meanwhile pushes the others down, so that one may be seen on two pages.
            found |= {hit.provider_id: hit for hit in hits if hit.provider_id not in found}
            if page >= pages:
                return tuple(found.values())
        raise ProviderUnavailable(
            "The signing service's list is too long to be searched.", operation="find", may_have_acted=False
        )

    def read(self, provider_id: str) -> EnvelopeState:
        """Return the state from the detail and from the people, who are listed apart (sections 5 and 7)."""
        detail = self._request("read", "GET", _path(provider_id), refusals=ENVELOPE_REFUSALS)
        people = self._people(provider_id)
        return _parse(detail, lambda data: answers.envelope_state(provider_id, data, people))

    def viewers(self, provider_id: str) -> tuple[str, ...]:
        """Return who opened or viewed the document, from the audit trail (section 11)."""
        trail = self._request("read audit trail", "GET", _path(provider_id, "/audit"), refusals=ENVELOPE_REFUSALS)
        return _parse(trail, answers.viewers)

    def cancel(self, provider_id: str, *, reason: str | None) -> None:
        """Cancel, and let the service tell the signers (section 9)."""
        body: dict[str, object] = {"notify_signers": True}
        if reason:
            body["reason"] = reason[:_REASON_LENGTH]
        self._request("cancel", "POST", _path(provider_id, "/cancel"), json=body, refusals=CANCEL_REFUSALS)

    def remind(self, provider_id: str, *, recipient_ids: Sequence[str], message: str | None) -> None:
        """Have these people mailed again, in one call that is made once (section 10)."""
        body = {"recipient_ids": list(recipient_ids), **({"custom_message": message} if message else {})}
        answer = self._request("remind", "POST", _path(provider_id, "/resend"), json=body, refusals=REMIND_REFUSALS)
        if _parse(answer, answers.unreminded):
            raise not_reminded(answer)

    def delete_draft(self, provider_id: str) -> None:
        """Delete an envelope that was never sent (section 4)."""
        self._request("delete draft", "DELETE", _path(provider_id), also=frozenset({404}))

    def download_signed_document(self, provider_id: str) -> bytes:
        """Return the signed PDF with its certificate and audit pages (section 11)."""
        return self._links.fetch_pdf(lambda: self._document_link(provider_id), operation="download document")

    def download_certificate(self, provider_id: str) -> bytes:
        """Return the certificate of completion alone, where the account splits files (section 11)."""
        return self._links.fetch_pdf(lambda: self._certificate_link(provider_id), operation="download certificate")

    def credits(self) -> int:
        """Return how many envelopes the account can still send (section 14)."""
        return _parse(self._request("credits", "GET", "/company"), answers.credits_left)

    def close(self) -> None:
        """Close the connections of this thread."""
        self._api.close()
        self._links.close()

    def _adopt(self, provider_id: str, draft: EnvelopeDraft, answer: Answer) -> SentEnvelope:
        """Return an envelope that certainly exists; whatever goes wrong here, it is not a refusal to create it."""
        try:
            people = answers.match_recipients(self._people(provider_id), draft.recipients)
        except (ProviderError, answers.UnreadableAnswer) as error:
            raise unreadable(answer) from error
        log.warning("envelope adopted from an unusual answer", status=answer.status, provider_id=provider_id)
        return SentEnvelope(provider_id=provider_id, recipients=people)

    def _upload(self, draft: EnvelopeDraft) -> str:
        """Upload a large document and return its id; until the create that names it, no envelope can exist."""
        wish = {
            "file_name": f"{draft.reference}.pdf",
            "file_size": len(draft.document),
            "content_type": "application/pdf",
        }
        try:
            answer = self._request("announce document", "POST", "/documents", json=wish, refusals=CREATE_REFUSALS)
            document_id, upload_url = _parse(answer, answers.upload_target)
            self._links.upload_pdf(upload_url, draft.document, operation="upload document")
        except ProviderUnavailable as error:
            raise ProviderUnavailable(
                error.message,
                operation=error.operation,
                may_have_acted=False,
                status=error.status,
                request_id=error.request_id,
                retry_after=error.retry_after,
            ) from error
        return document_id

    def _people(self, provider_id: str) -> tuple[RecipientState, ...]:
        answer = self._request("read people", "GET", _path(provider_id, "/users"), refusals=ENVELOPE_REFUSALS)
        return _parse(answer, lambda data: answers.recipients(data, "results"))

    def _document_link(self, provider_id: str) -> str:
        answer = self._request(
            "link to document",
            "GET",
            _path(provider_id, "/download"),
            refusals=ENVELOPE_REFUSALS,
            also=frozenset({404, 409, 503}),
        )
        if answer.status == 503 or answers.error_code(answer.body) == "no_document_available":  # noqa: PLR2004 (section 11)
            raise not_ready(answer)
        if not answer.ok:
            raise failure_for(answer, ENVELOPE_REFUSALS)
        link = _parse(answer, answers.document_link)
        if link is None:
            raise not_ready(answer)
        return link

    def _certificate_link(self, provider_id: str) -> str:
        answer = self._request("link to certificate", "GET", _path(provider_id), refusals=ENVELOPE_REFUSALS)
        link, missing_for_good = _parse(
            answer, lambda data: (answers.certificate_link(data), answers.certificate_is_missing_for_good(data))
        )
        if link is not None:
            return link
        if missing_for_good:
            raise FileNotOffered(
                "The signing service has no separate certificate for this envelope.",
                operation=answer.operation,
                status=answer.status,
                request_id=answer.request_id,
            )
        raise not_ready(answer)

    def _request(  # noqa: PLR0913 (keyword-only parts of one request)
        self,
        operation: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
        read_timeout: float | None = None,
        refusals: Refusals = MappingProxyType({}),
        also: frozenset[int] = frozenset(),
    ) -> Answer:
        """Send a request; return a 2xx answer, or one whose status is in `also`, and raise the rest in our words.

        Only a 429 with a short `Retry-After` is followed by a second try, because it was certainly not processed.
        """
        timeout = read_timeout or self._read_timeout

        def exchange() -> Answer:
            return self._api.exchange(
                method,
                f"{self._base_url}{path}",
                operation=operation,
                read_timeout=timeout,
                limit=_JSON_LIMIT_BYTES,
                body_seconds=timeout,
                params=params,
                json=json,
            )

        answer = exchange()
        if answer.status == 429 and answer.retry_after is not None and answer.retry_after <= _LONGEST_WAIT:  # noqa: PLR2004 (section 1.2)
            clock.sleep(answer.retry_after)
            answer = exchange()
        if answer.ok or answer.status in also:
            return answer
        raise failure_for(answer, refusals)


def _parse(answer: Answer, read: Callable[[dict[str, Any]], T]) -> T:
    try:
        return read(answers.json_object(answer.body))
    except answers.UnreadableAnswer as error:
        raise unreadable(answer) from error


def _path(provider_id: str, action: str = "") -> str:
    return f"/signing-requests/{quote(provider_id, safe='')}{action}"
