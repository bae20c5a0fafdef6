"""What holds for every route there is, found by walking the map of addresses."""

from app.factory import BLUEPRINTS
from tests.api.expectations import assert_invalid
from tests.callers import ABSENT, make_body

#: Answers to anybody, and never 4xx.
HEALTH = "/v1/health"

BODIES = {
    "/v1/signatures": make_body(ABSENT),
    "/v1/renders/<uuid:render_id>/fail": {"errorMessage": "No."},
    "/v1/webhooks": {"url": "https://receiver.example/", "events": ["signature.sent"]},
}

#: Beside the blueprints with a policy: the API's description, and what looks at the caller's address instead.
OTHERS = {"description", "metrics"}


def routes(app, under="/"):
    """Yield method and rule of everything below a path."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(under):
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                yield method, rule


def address(rule):
    return rule.build(dict.fromkeys(rule.arguments, ABSENT))[1]


def test_every_route_belongs_to_a_blueprint_with_a_policy(app):
    with_policy = {blueprint.name for blueprint, _, _ in BLUEPRINTS}

    assert {rule.endpoint.partition(".")[0] for _, rule in routes(app)} == with_policy | OTHERS


def test_every_route_refuses_query_parameters_that_it_does_not_know(app, api):
    for method, rule in routes(app, under="/v1/"):
        if rule.rule != HEALTH:
            body = None if method == "GET" else BODIES.get(rule.rule, {})
            answer = api.request(method, f"{address(rule)}?unknown=1", json=body)
            assert_invalid(answer, "unknown")


def test_every_route_has_a_description(app):
    for _, rule in routes(app):
        assert app.view_functions[rule.endpoint].__doc__, rule.endpoint
