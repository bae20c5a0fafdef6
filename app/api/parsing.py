"""Reading requests strictly: one JSON parser, unknown members refused, every error with its dotted path."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import flask
import marshmallow
from flask_smorest import Blueprint
from webargs import missing
from webargs.flaskparser import FlaskParser

from app.api.errors import InvalidJson
from app.domain.errors import InvalidRequest

#: The largest body of a JSON route (contract section 1).
LARGEST_JSON = 1024 * 1024

#: Under this name marshmallow files what is wrong with an object as a whole.
SCHEMA_ERRORS = "_schema"


class StrictParser(FlaskParser):
    """Parses bodies as JSON whatever their content type says, and refuses what it does not know."""

    DEFAULT_UNKNOWN_BY_LOCATION = {  # noqa: RUF012 (the library's own declaration)
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "json": marshmallow.RAISE,
        "query": marshmallow.RAISE,
    }

    def load_json(self, req: flask.Request, schema: marshmallow.Schema) -> Any:  # noqa: ARG002 (the library's interface)
        """Return the parsed body; raise InvalidJson."""
        return parse_json(read_body(req, limit=LARGEST_JSON))

    def load_json_or_empty(self, req: flask.Request, schema: marshmallow.Schema) -> Any:  # noqa: ARG002
        """Return the parsed body, or nothing when there is no body."""
        body = read_body(req, limit=LARGEST_JSON)
        return parse_json(body) if body else missing

    def handle_error(self, error: marshmallow.ValidationError, *_args: object, **_kwargs: object) -> NoReturn:
        """Turn the library's error tree into ours."""
        # The library puts the place that it looked at above each tree.
        (messages,) = error.messages_dict.values()
        raise invalid_request(messages) from error

    __location_map__ = {  # noqa: RUF012 (the library's own declaration)
        **FlaskParser.__location_map__,
        "json_or_empty": "load_json_or_empty",
    }


class StrictBlueprint(Blueprint):
    """A blueprint whose arguments are read strictly."""

    ARGUMENTS_PARSER = StrictParser()

    def no_query(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Refuse every query parameter: a view that takes none says so with this."""
        decorate: Callable[..., Callable[..., Any]] = self.arguments(
            marshmallow.Schema(), location="query", as_kwargs=True
        )
        return decorate(view)


def read_body(req: flask.Request, *, limit: int) -> bytes:
    """Return the raw body; raise 413 when it is over the limit, before it is read if it says its length."""
    req.max_content_length = limit
    return req.get_data(cache=False)


def parse_json(body: bytes) -> Any:
    """Parse strictly (RFC 8259): UTF-8 without a byte order mark, no duplicate members, no NaN, no Infinity."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        # ValueError covers bad UTF-8, bad JSON, the two hooks below and integers of absurd length.
        raise InvalidJson("The body is not valid JSON.") from error


def invalid_request(messages: Any) -> InvalidRequest:
    """Flatten an error tree of marshmallow into dotted wire paths; what concerns the whole goes to `formErrors`."""
    form_errors: list[str] = []
    field_errors: dict[str, list[str]] = {}
    for path, texts in _flatten(messages):
        if path:
            field_errors.setdefault(".".join(path), []).extend(texts)
        else:
            form_errors.extend(texts)
    return InvalidRequest(form_errors=form_errors, field_errors=field_errors)


def _flatten(messages: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    if not isinstance(messages, Mapping):
        yield path, [str(text) for text in (messages if isinstance(messages, list) else [messages])]
        return
    for key, below in messages.items():
        yield from _flatten(below, path if key == SCHEMA_ERRORS else (*path, str(key)))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a member appears twice")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
