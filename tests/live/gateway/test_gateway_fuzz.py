"""No JSON whatever makes the gateway fail."""

import http.client
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.live

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)
FIELDS = (
    *("model", "messages", "prompt", "input", "stream", "stream_options", "modelnet", "user"),
    *("max_tokens", "max_completion_tokens", "temperature", "top_p", "n", "stop", "seed"),
    *("logprobs", "top_logprobs", "tools", "tool_choice", "response_format", "logit_bias"),
    *("encoding_format", "dimensions", "echo", "best_of"),
)
RIGHT: dict[str, Any] = {
    "messages": [{"role": "user", "content": "a b"}],
    "prompt": "a b",
    "input": "a b",
}


@settings(
    derandomize=True,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    path=st.sampled_from(["/v1/chat/completions", "/v1/completions", "/v1/embeddings"]),
    body=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4),
    is_nearly_right=st.booleans(),
)
def test_every_body_is_answered_or_refused(
    echo_url: str, path: str, body: dict[str, Any], is_nearly_right: bool
):
    connection = http.client.HTTPConnection(echo_url.removeprefix("http://"), timeout=5)
    try:
        connection.request("POST", path, json.dumps({**(RIGHT if is_nearly_right else {}), **body}))
        response = connection.getresponse()
        told = response.read()
    finally:
        connection.close()
    assert response.status in (200, 400)
    if response.status == 400:
        assert json.loads(told)["error"]["message"]
    else:
        assert b'"error"' not in told
