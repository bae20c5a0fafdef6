"""One operation: what its view's schemas say, and what follows from the kind of route it is."""

from collections.abc import Iterator
from typing import Any

from app.api.auth import Policy
from app.api.errors import InvalidJson, RequestTooLarge
from app.api.openapi import refusals
from app.api.openapi.examples import example_of
from app.api.openapi.headers import ALWAYS, FILE, SOMETIMES, parameter, refer
from app.api.openapi.refusals import JSON, Refusal
from app.api.parsing import Facts
from app.api.schemas.base import wire_name
from app.domain import errors

PDF = "application/pdf"

CONDITIONS = ("Range", "If-None-Match", "If-Match")


def complete(operation: dict[str, Any], *, view: str, facts: Facts, policy: Policy, has_id: bool) -> dict[str, Any]:
    """Return the operation with all that its view does not need to say.

    `view` is the name of its function, `has_id` whether its path names a resource.
    """
    name = wire_name(view)
    done = {"operationId": name, **operation}
    done["summary"] = done["summary"].removesuffix(".")
    # The library refers to answers of its own for what it refuses.
    answers = {status: answer for status, answer in operation.get("responses", {}).items() if "$ref" not in answer}
    if facts.sends_pdf:
        answers |= _files()
    for status, answer in answers.items():
        _complete_answer(answer, operation=name, status=status)
    is_json = JSON in done.get("requestBody", {}).get("content", {})
    found = [*_general(policy, is_json=is_json, has_id=has_id), *_particular(facts), refusals.BUG]
    done["responses"] = dict(sorted({**refusals.describe(found), **answers}.items()))
    done["parameters"] = [*operation.get("parameters", []), *_request_headers(facts)]
    if is_json:
        _give_example(done["requestBody"]["content"][JSON], operation=name, place="request")
    if policy is Policy.PUBLIC:
        done["security"] = []
    return done


def _general(policy: Policy, *, is_json: bool, has_id: bool) -> Iterator[Refusal]:
    """Yield how every route of this kind refuses."""
    kinds: list[type[errors.CountersignError]] = []
    if policy is Policy.API_KEY:
        # Members and parameters that are not known are refused everywhere.
        kinds += [errors.Unauthorized, errors.RateLimited, errors.InvalidRequest]
        if is_json:
            kinds += [InvalidJson, RequestTooLarge]
    if has_id:
        kinds += [errors.NotFound]
    yield from map(refusals.of_error, kinds)


def _particular(facts: Facts) -> Iterator[Refusal]:
    """Yield how this view refuses beside that."""
    yield from map(refusals.of_error, facts.errors)
    if facts.replays:
        yield from map(refusals.of_error, (errors.IdempotencyKeyReused, errors.Conflict))
    if facts.sends_pdf:
        yield from map(refusals.of_status, (412, 416))
        yield refusals.of_error(errors.StorageUnavailable)


def _files() -> dict[str, Any]:
    whole = {"description": "The file.", "headers": refer([*FILE, "Content-Length"]), "content": {PDF: {}}}
    part = {
        "description": "The range of it that was asked for.",
        "headers": refer([*FILE, "Content-Length", "Content-Range"]),
        "content": {PDF: {}},
    }
    same = {"description": "The caller has it already.", "headers": refer(FILE)}
    return {"200": whole, "206": part, "304": same}


def _complete_answer(answer: dict[str, Any], *, operation: str, status: str) -> None:
    answer["headers"] = refer([*ALWAYS, *SOMETIMES]) | refer(answer.get("headers", {}))
    if JSON in answer.get("content", {}):
        _give_example(answer["content"][JSON], operation=operation, place=status)


def _give_example(media: dict[str, Any], *, operation: str, place: str) -> None:
    schema = media["schema"].get("$ref", "").rpartition("/")[2]
    example = example_of(operation, place, schema=schema)
    if example is not None:
        media["example"] = example


def _request_headers(facts: Facts) -> list[dict[str, Any]]:
    names = [*(("Idempotency-Key",) if facts.replays else ()), *(CONDITIONS if facts.sends_pdf else ())]
    return [parameter(name) for name in names]
