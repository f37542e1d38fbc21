"""The OpenAPI document against the server: whatever it allows is answered as it says, and whatever
it does not allow is refused.
"""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from released import HOST, running
from spadework.serving.http.described import BODIES
from spadework.serving.http.guard import ROUTES

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
OPERATIONS = [
    ("/v1/recommend", "POST"),
    ("/v1/recommend:batch", "POST"),
    ("/v1/similar", "POST"),
    ("/v1/events", "POST"),
    ("/v1/users/{user}", "DELETE"),
    ("/v1/models", "GET"),
    ("/v1/models/{release}/activate", "POST"),
    ("/health/live", "GET"),
    ("/health/ready", "GET"),
]


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [
        *((path, method, "positive") for path, method in OPERATIONS),
        # without a body there are no fields that could be wrong
        *((path, method, "negative") for path, method in OPERATIONS if path in BODIES),
    ],
)
def test_the_document_is_true(served, path, method, mode):
    with running(served) as client:
        schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
        schema.app = client.app
        operation = schema[path][method]
        checks = [
            check
            for check in CHECKS
            # each event has its own verdict, so a wrong one does not refuse the others
            if not (path == "/v1/events" and check is negative_data_rejection)
        ]
        generation = getattr(schemathesis.GenerationMode, mode.upper())

        @settings(
            max_examples=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(case=operation.as_strategy(generation_mode=generation))
        def conforms(case):
            answer = case.call(base_url=HOST)
            case.validate_response(answer, checks=checks)

        conforms()


def test_every_route_is_described(client):
    document = client.get("/openapi.json").json()
    described = {
        (path, method.upper()) for path, found in document["paths"].items() for method in found
    }
    assert set(OPERATIONS) | {("/metrics", "GET")} == described
    guarded = {path for path in ROUTES if path != "/openapi.json"}
    assert guarded <= {path for path, _ in described}
