"""Reading requests strictly: one JSON parser, unknown members refused, every error with its dotted path."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar, NoReturn, TypeVar

import flask
import marshmallow
from flask_smorest import Blueprint
from webargs import missing
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import RequestEntityTooLarge

from app.api.errors import InvalidJson
from app.domain import strict_json
from app.domain.errors import CountersignError, InvalidRequest

View = TypeVar("View", bound=Callable[..., Any])

#: The largest body of a JSON route (contract section 1).
LARGEST_JSON = 1024 * 1024

#: How the API description shows the header that says where the new thing is.
LOCATION: Mapping[str, Any] = {"Location": {}}

NO_PARAMETERS = marshmallow.Schema()

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

    def load_querystring(self, req: flask.Request, schema: marshmallow.Schema) -> Any:
        """Return the query; refuse a parameter that is given twice and is no list: one of the two would be lost."""
        query = super().load_querystring(req, schema)
        twice = [name for name, values in req.args.lists() if len(values) > 1 and name not in query.multiple_keys]
        if twice:
            raise marshmallow.ValidationError({name: ["Must be given only once."] for name in twice})
        return query

    def handle_error(self, error: marshmallow.ValidationError, *_args: object, **_kwargs: object) -> NoReturn:
        """Turn the library's error tree into ours."""
        # The library puts the place that it looked at above each tree.
        (messages,) = error.messages_dict.values()
        raise invalid_request(messages) from error

    __location_map__ = {  # noqa: RUF012 (the library's own declaration)
        **FlaskParser.__location_map__,
        "json_or_empty": "load_json_or_empty",
    }


@dataclass
class Facts:
    """What a view's schemas do not say of its answers; the API description shows it."""

    errors: tuple[type[CountersignError], ...] = ()
    replays: bool = False
    sends_pdf: bool = False


class StrictBlueprint(Blueprint):
    """A blueprint whose arguments are read strictly, and whose views say how they can fail."""

    ARGUMENTS_PARSER = StrictParser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING: ClassVar = {
        **Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING,
        "json_or_empty": "application/json",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: By the name of the view.
        self.facts: defaultdict[str, Facts] = defaultdict(Facts)

    def arguments(self, schema: Any, *, location: str = "json", **kwargs: Any) -> Any:
        """Read arguments; a body that may be empty is not required."""
        # Of a class the library would make an instance, and copy all its fields, for every call.
        schema = schema() if isinstance(schema, type) else schema
        return super().arguments(schema, location=location, **{"required": location != "json_or_empty", **kwargs})

    def raises(self, *errors: type[CountersignError]) -> Callable[[View], View]:
        """Say what a view can raise, beside what every route of its kind can (`openapi/operations.py`)."""

        def decorate(view: View) -> View:
            self.facts[view.__name__].errors = errors
            return view

        return decorate

    def replays(self, view: View) -> View:
        """Say that a view takes an Idempotency-Key."""
        self.facts[view.__name__].replays = True
        return view

    def sends_pdf(self, view: View) -> View:
        """Say that a view answers with a PDF: whole, by range, or not changed."""
        self.facts[view.__name__].sends_pdf = True
        return view

    def no_query(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Refuse every query parameter: a view that takes none says so with this."""

        @wraps(view)
        def without_query(*args: Any, **kwargs: Any) -> Any:
            if flask.request.query_string:
                self.ARGUMENTS_PARSER.parse(NO_PARAMETERS, flask.request, location="query")
            return view(*args, **kwargs)

        return without_query


def read_body(req: flask.Request, *, limit: int) -> bytes:
    """Return the raw body; raise 413 when it is over the limit, before it is read if it says its length.

    It may be asked for twice.
    """
    if (req.content_length or 0) > limit:
        raise RequestEntityTooLarge
    # A body in chunks would be cut off at the library's limit without a word, so that is one byte further.
    req.max_content_length = limit + 1
    body = req.get_data()
    if len(body) > limit:
        raise RequestEntityTooLarge
    return body


def body_digest() -> str:
    """Return the SHA-256 of the bytes of this request's JSON."""
    return hashlib.sha256(read_body(flask.request, limit=LARGEST_JSON)).hexdigest()


def parse_json(body: bytes) -> Any:
    """Parse strictly; raise InvalidJson."""
    try:
        return strict_json.parse(body)
    except ValueError as error:
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
