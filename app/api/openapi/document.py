"""The whole description, made when it is first asked for."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Flask

from app.api.auth import Policy
from app.api.openapi import deliveries, headers, refusals
from app.api.openapi.fields import DescribedApi
from app.api.openapi.operations import complete
from app.api.parsing import StrictBlueprint
from app.api.schemas.base import wire_name

#: What the app is made of: blueprint, prefix, who may call.
Resources = Sequence[tuple[StrictBlueprint, str, Policy]]

OPENAPI_VERSION = "3.1.0"

INTRODUCTION = """\
Gets PDFs signed: upload a PDF (a *render*), send it out to people (a *signature request*), and follow it until
everybody has signed.

- JSON in and out. Times are ISO 8601 in UTC with milliseconds. Ids are UUIDs.
- `Authorization: Bearer ck_live_…`, the API key of a project. What belongs to another project is `404`.
- Every error has the one body `Error`; `code` is for programs. Members and query parameters that are not known are
  refused. Answers can gain members.
- Lists are newest first; pass `nextCursor` as `cursor` for the next page.
- Calls can be limited, for each key; then `RateLimit-*` say how many are left, and what is too much is `429`.
- Every `GET` answers `HEAD` as well. Another method is `405` with the code `method_not_allowed` and `Allow`; an address
  that does not exist is `404`.
"""

#: A variable in a path, as Flask and as OpenAPI write it.
FLASK_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
OPENAPI_VARIABLE = re.compile(r"\{\w+\}")

#: Answered by the framework wherever it makes sense.
AUTOMATIC = {"HEAD", "OPTIONS"}


@dataclass(frozen=True)
class Description:
    """The description of the API of these resources, at that address."""

    resources: Resources
    public_url: str
    version: str

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        app, collected = self._collect()
        paths = self._paths(app, collected["paths"])
        schemas = collected["components"]["schemas"]
        del schemas["PaginationMetadata"]  # The library's own; nothing refers to it.
        schemas["Error"] = refusals.ERROR_SCHEMA
        return {
            "openapi": OPENAPI_VERSION,
            "info": {"title": "Countersign", "version": self.version, "description": INTRODUCTION},
            "servers": [{"url": self.public_url}],
            "security": [{"apiKey": []}],
            "tags": [*collected["tags"], {"name": "events", "description": "What your server is told."}],
            "paths": paths,
            "webhooks": deliveries.describe(),
            "components": {
                "schemas": dict(sorted(schemas.items())),
                "responses": refusals.share(paths),
                "headers": headers.components(),
                "securitySchemes": {
                    "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, `ck_live_…`."}
                },
            },
        }

    @cached_property
    def body(self) -> bytes:
        """The document as it is sent."""
        return json.dumps(self.document, ensure_ascii=False).encode()

    def _collect(self) -> tuple[Flask, dict[str, Any]]:
        """Return what the library makes of the views and their schemas.

        It works on an app of its own, so that the real one starts without it.
        """
        app = Flask("description", static_folder=None)
        app.config.update(API_TITLE="Countersign", API_VERSION=self.version, OPENAPI_VERSION=OPENAPI_VERSION)
        api = DescribedApi(app)
        for blueprint, prefix, _ in self.resources:
            api.register_blueprint(blueprint, url_prefix=prefix)
        return app, api.spec.to_dict()

    def _paths(self, app: Flask, collected: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        resources = {blueprint.name: (blueprint, policy) for blueprint, _, policy in self.resources}
        paths: dict[str, Any] = defaultdict(dict)
        for rule in app.url_map.iter_rules():
            path = FLASK_VARIABLE.sub(r"{\1}", rule.rule)
            name, view = rule.endpoint.split(".")
            blueprint, policy = resources[name]
            item = paths[OPENAPI_VARIABLE.sub(lambda match: wire_name(match[0]), path)]
            if rule.arguments:
                item["parameters"] = [
                    {**each, "name": wire_name(each["name"])} for each in collected[path]["parameters"]
                ]
            for method in (rule.methods or set()) - AUTOMATIC:
                item[method.lower()] = complete(
                    collected[path][method.lower()],
                    view=view,
                    facts=blueprint.facts[view],
                    policy=policy,
                    has_id=bool(rule.arguments),
                )
        return dict(paths)
