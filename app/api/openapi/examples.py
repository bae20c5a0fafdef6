"""Examples of what is sent and answered: by operation, else by schema."""

from collections.abc import Mapping
from typing import Any

RENDER_ID = "0193c2c3-1111-7aaa-8bbb-000000000001"
REQUEST_ID = "0193c2c3-2222-7aaa-8bbb-000000000002"
WEBHOOK_ID = "0193c2c3-3333-7aaa-8bbb-000000000003"
DELIVERY_ID = "0193c2c3-4444-7aaa-8bbb-000000000004"
SERVER = "https://api.craftkit.dev"
CREATED_AT = "2026-06-05T10:00:00.000Z"
COMPLETED_AT = "2026-06-05T11:42:08.000Z"

RECIPIENT: Mapping[str, Any] = {
    "id": "rcp_8e10-12ab34cd56ef",
    "firstName": "Jane",
    "lastName": "Doe",
    "email": "jane@example.com",
    "designation": "Signer",
    "order": 1,
}
SIGNATURE: Mapping[str, Any] = {
    "id": REQUEST_ID,
    "renderId": RENDER_ID,
    "name": "Charter handover — BK-12345",
    "status": "sent",
    "recipients": [RECIPIENT],
    "expirationHours": 168,
    "signedDownloadUrl": None,
    "certificateUrl": None,
    "errorMessage": None,
    "createdAt": CREATED_AT,
    "completedAt": None,
}
SIGNATURE_CREATE: Mapping[str, Any] = {
    "renderId": RENDER_ID,
    "name": "Charter handover — BK-12345",
    "recipients": [
        {"firstName": "Jane", "lastName": "Doe", "email": "jane@example.com", "designation": "Signer", "order": 1}
    ],
    "anchorTags": [{"anchorString": "{{sign_here}}", "type": "signature", "recipientIndex": 0, "required": True}],
    "expirationHours": 168,
}
COMPLETED: Mapping[str, Any] = {
    **SIGNATURE,
    "status": "completed",
    "recipients": [{**RECIPIENT, "signedAt": "2026-06-05T11:41:30.000Z"}],
    "signedDownloadUrl": f"{SERVER}/v1/signatures/{REQUEST_ID}/download",
    "certificateUrl": f"{SERVER}/v1/signatures/{REQUEST_ID}/certificate",
    "completedAt": COMPLETED_AT,
}
CANCELLED: Mapping[str, Any] = {**SIGNATURE, "status": "cancelled", "errorMessage": "Customer changed the terms"}

RENDER: Mapping[str, Any] = {
    "id": RENDER_ID,
    "status": "succeeded",
    "pollUrl": f"{SERVER}/v1/renders/{RENDER_ID}",
    "downloadUrl": f"{SERVER}/v1/renders/{RENDER_ID}/download",
    "errorMessage": None,
    "createdAt": "2026-06-05T09:58:00.000Z",
    "completedAt": "2026-06-05T09:58:00.120Z",
    "durationMs": 120,
    "pageCount": 3,
}
NOT_RENDERED: Mapping[str, Any] = {
    **RENDER,
    "status": "queued",
    "downloadUrl": None,
    "completedAt": None,
    "durationMs": None,
    "pageCount": None,
}
FAILED_RENDER: Mapping[str, Any] = {
    **NOT_RENDERED,
    "status": "failed",
    "errorMessage": "The template is gone.",
    "completedAt": "2026-06-05T09:58:00.120Z",
    "durationMs": 120,
}

WEBHOOK_CREATE: Mapping[str, Any] = {
    "url": "https://example.com/hooks/countersign",
    "events": ["signature.completed", "signature.declined"],
}
WEBHOOK: Mapping[str, Any] = {
    "id": WEBHOOK_ID,
    **WEBHOOK_CREATE,
    "active": True,
    "description": None,
    "createdAt": "2026-06-01T08:00:00.000Z",
    "failingSince": None,
    "disabledAt": None,
    "disabledReason": None,
}
DELIVERY: Mapping[str, Any] = {
    "id": DELIVERY_ID,
    "webhookId": WEBHOOK_ID,
    "signatureRequestId": REQUEST_ID,
    "event": "signature.completed",
    "status": "delivered",
    "attemptCount": 1,
    "nextAttemptAt": None,
    "createdAt": "2026-06-05T11:42:09.000Z",
    "finishedAt": "2026-06-05T11:42:09.310Z",
}
WAITING_DELIVERY: Mapping[str, Any] = {
    **DELIVERY,
    "status": "pending",
    "attemptCount": 0,
    "nextAttemptAt": "2026-06-05T11:42:09.000Z",
    "finishedAt": None,
}

BY_OPERATION: dict[tuple[str, str], Mapping[str, Any]] = {
    ("cancelSignature", "200"): CANCELLED,
    ("createRender", "202"): NOT_RENDERED,
    ("createRender", "request"): {},
    ("failRender", "200"): FAILED_RENDER,
    ("getHealth", "503"): {"status": "degraded", "version": "0.1.0", "checks": {"database": "error"}},
    ("getSignature", "200"): COMPLETED,
    ("redeliver", "202"): WAITING_DELIVERY,
    ("sendTestWebhook", "202"): {**WAITING_DELIVERY, "event": "webhook.test", "signatureRequestId": None},
}

BY_SCHEMA: dict[str, Mapping[str, Any]] = {
    "History": {
        "events": [
            {
                "sequence": 1,
                "at": CREATED_AT,
                "type": "signature.sent",
                "status": "sent",
                "by": "api",
                "recipient": None,
                "reason": None,
            },
            {
                "sequence": 2,
                "at": "2026-06-05T10:00:02.000Z",
                "type": "recipient.mail_failed",
                "status": "sent",
                "by": "provider",
                "recipient": RECIPIENT,
                "reason": "The mail server answered 550.",
            },
        ],
        "nextCursor": 2,
        "hasMore": False,
    },
    "Health": {"status": "ok", "version": "0.1.0", "checks": {"database": "ok"}},
    "ProviderEventReceipt": {"received": True},
    "Render": RENDER,
    "RenderFail": {"errorMessage": "The template is gone."},
    "RenderList": {"renders": [RENDER], "nextCursor": "2026-06-05T09:58:00.000Z", "hasMore": False},
    "Signature": SIGNATURE,
    "SignatureCancel": {"reason": "Customer changed the terms"},
    "SignatureCreate": SIGNATURE_CREATE,
    "SignatureList": {"signatures": [COMPLETED], "nextCursor": CREATED_AT, "hasMore": False},
    "SignatureRemind": {"message": "The boat leaves on Friday."},
    "Webhook": WEBHOOK,
    "WebhookAction": {},
    "WebhookChange": {"active": False},
    "WebhookCreate": WEBHOOK_CREATE,
    "WebhookDelivery": DELIVERY,
    "WebhookDeliveryDetail": {
        **DELIVERY,
        "body": (
            f'{{"event":"signature.completed","signatureRequestId":"{REQUEST_ID}",'
            f'"renderId":"{RENDER_ID}","status":"completed"}}'
        ),
        "attempts": [
            {
                "number": 1,
                "at": "2026-06-05T11:42:09.050Z",
                "status": 204,
                "error": None,
                "durationMs": 260,
                "answer": "",
            }
        ],
    },
    "WebhookDeliveryList": {"deliveries": [DELIVERY], "nextCursor": "2026-06-05T11:42:09.000Z", "hasMore": False},
    "WebhookList": {"webhooks": [WEBHOOK], "nextCursor": "2026-06-01T08:00:00.000Z", "hasMore": False},
    "WebhookWithSecret": {**WEBHOOK, "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
}


def example_of(operation: str, place: str, *, schema: str) -> Mapping[str, Any] | None:
    """Return the example of an operation's `request`, or of its answer of a status; None when there is none."""
    return BY_OPERATION.get((operation, place), BY_SCHEMA.get(schema))
