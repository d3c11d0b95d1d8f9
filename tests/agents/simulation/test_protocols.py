"""Simulated models answer as TGI, TEI and OpenAI-like servers do, over real HTTP."""

import base64
import json
from collections.abc import AsyncIterator

import numpy as np
import pytest

from tests.agents.simulation.sims import ASK, MESSAGES, Pauses, Sims, sse, until


@pytest.fixture
async def sims() -> AsyncIterator[Sims]:
    async with Sims() as running:
        yield running


async def test_generate_and_its_headers(sims: Sims) -> None:
    sim = await sims.start(latency={"median_s": 0.03})
    body = {"inputs": ASK, "parameters": {"details": True, "max_new_tokens": 1, "seed": 5}}
    status, said, headers = await sims.post(f"{sim.base_url}/generate", body)
    assert status == 200
    assert said["generated_text"] == "deep"
    token = said["details"]["tokens"][0]
    assert said["details"] == {
        "finish_reason": "length",
        "generated_tokens": 1,
        "seed": 5,
        "prefill": [],
        "tokens": [
            {"id": token["id"], "text": "deep", "logprob": token["logprob"], "special": False}
        ],
    }
    assert int(headers["x-inference-time"]) >= 29
    assert float(headers["x-compute-time"]) >= 0.029
    assert headers["x-generated-tokens"] == "1"
    expected = {"x-compute-type", "x-compute-characters", "x-total-time", "x-validation-time"}
    expected |= {"x-queue-time", "x-time-per-token", "x-prompt-tokens"}
    assert expected <= set(headers)


async def test_stop_sequence_and_full_text(sims: Sims) -> None:
    sim = await sims.start()
    parameters = {"stop": ["deep"], "return_full_text": True, "details": True}
    body = {"inputs": ASK, "parameters": parameters}
    _, said, _ = await sims.post(f"{sim.base_url}/generate", body)
    assert said["generated_text"] == f"{ASK}deep"
    assert said["details"]["finish_reason"] == "stop_sequence"


async def test_chat_stream_ends_with_done(sims: Sims) -> None:
    sim = await sims.start()
    body = {"messages": MESSAGES, "stream": True, "max_tokens": 1}
    _, said, headers = await sims.post(f"{sim.base_url}/v1/chat/completions", body)
    *chunks, done = sse(said)
    assert done == "[DONE]"
    assert len(chunks) == 1
    assert json.loads(chunks[0])["choices"][0]["finish_reason"] == "length"
    assert headers["content-type"] == "text/event-stream"
    assert headers["x-accel-buffering"] == "no"


async def test_stream_is_paced(sims: Sims) -> None:
    pauses = Pauses()
    pauses.over.set()
    sim = await sims.start(sleep=pauses, latency={"median_s": 0.2}, first_token_share=0.75)
    _, said, _ = await sims.post(f"{sim.base_url}/generate_stream", {"inputs": ASK})
    assert len(sse(said)) == 3
    assert pauses.asked_s == pytest.approx([0.15, 0.025, 0.025])


async def test_tokens_are_sent_as_they_come(sims: Sims) -> None:
    pauses = Pauses()
    sim = await sims.start(sleep=pauses)
    body = {"inputs": ASK}
    async with sims.http.post(f"{sim.base_url}/generate_stream", json=body) as response:
        assert response.status == 200
        await until(lambda: len(pauses.asked_s) == 1)
        pauses.once.release()
        assert json.loads((await response.content.readline())[5:])["token"]["text"] == "deep"
        pauses.over.set()
        assert b"deep blue" in await response.content.read()


async def test_info_models_health_metrics(sims: Sims) -> None:
    sim = await sims.start(max_concurrent_requests=7, model_id="org/model")
    async with sims.http.get(f"{sim.base_url}/info") as response:
        said = await response.json()
    assert (said["model_id"], said["max_concurrent_requests"]) == ("org/model", 7)
    assert said["max_total_tokens"] == 8192
    assert said["version"].startswith("3.")
    async with sims.http.get(f"{sim.base_url}/v1/models") as response:
        assert (await response.json())["data"][0]["id"] == "org/model"
    assert await sims.status(f"{sim.base_url}/health") == 200
    sim.set_profile({"healthy": False})
    async with sims.http.get(f"{sim.base_url}/health") as response:
        assert response.status == 503
        assert await response.json() == {"error": "unhealthy", "error_type": "healthcheck"}


async def test_tgi_metrics(sims: Sims) -> None:
    sim = await sims.start(latency={"median_s": 0.01})
    await sims.generate(sim, ASK)
    sim.set_profile({"error_rate": 1.0, "error_statuses": [429]})
    await sims.generate(sim, ASK)
    page = await sims.metrics(sim)
    assert page["tgi_request_count"] == 2
    assert page["tgi_request_success"] == 1
    assert page['tgi_request_failure{err="overloaded"}'] == 1
    assert page["tgi_queue_size"] == 0
    assert page["tgi_request_generated_tokens_sum"] == 3
    assert page["tgi_request_duration_count"] == 1
    assert 0.01 <= page["tgi_request_duration_sum"] < 5
    buckets = [v for k, v in page.items() if k.startswith("tgi_request_duration_bucket")]
    assert buckets == sorted(buckets)
    assert (buckets[0], buckets[-1], len(buckets)) == (0, 1, 36)


@pytest.mark.parametrize(
    ("body", "kind", "status", "says"),
    [
        (b"{", "application/json", 400, "Failed to parse the request body as JSON"),
        (b"\xff", "application/json", 400, "Failed to parse"),
        (b'{"input": 1}', "application/json", 422, "Failed to deserialize the JSON body"),
        (b'{"inputs": "a"}', "text/plain", 415, "Expected request with"),
    ],
)
async def test_bad_bodies_are_refused_as_the_real_server_does(
    sims: Sims, body: bytes, kind: str, status: int, says: str
) -> None:
    sim = await sims.start()
    headers = {"Content-Type": kind}
    async with sims.http.post(f"{sim.base_url}/generate", data=body, headers=headers) as response:
        assert response.status == status
        assert (await response.text()).startswith(says)
        assert response.content_type == "text/plain"


async def test_tgi_validation(sims: Sims) -> None:
    sim = await sims.start(max_input_tokens=10, max_total_tokens=20)
    url = f"{sim.base_url}/generate"
    for inputs, limit, says in [
        ("", 1, "`inputs` cannot be empty"),
        ("word " * 20, 1, "`inputs` must have less than 10 tokens. Given: 22"),
        ("word", 30, "`inputs` tokens + `max_new_tokens` must be <= 20. Given: 2"),
    ]:
        body = {"inputs": inputs, "parameters": {"max_new_tokens": limit}}
        status, said, _ = await sims.post(url, body)
        assert (status, said["error_type"]) == (422, "validation")
        assert said["error"].startswith(f"Input validation error: {says}")


async def test_embed_routes(sims: Sims) -> None:
    sim = await sims.start("tei", dimension=32)
    body = {"inputs": ["a", "b"], "normalize": False, "truncate": True, "dimensions": 8}
    status, vectors, headers = await sims.post(f"{sim.base_url}/embed", body)
    assert status == 200
    assert np.array(vectors).shape == (2, 8)
    assert abs(np.linalg.norm(vectors[0]) - 1) > 0.01
    assert headers["x-compute-tokens"] == "6"
    page = await sims.metrics(sim)
    assert page['te_request_count{method="batch"}'] == 1
    assert page['te_request_success{method="batch"}'] == 1
    assert page["te_embed_count"] == 2
    assert page["te_request_inference_duration_count"] == 1


async def test_openai_embeddings(sims: Sims) -> None:
    for protocol in ("tei", "openai"):
        sim = await sims.start(protocol, dimension=16)
        url = f"{sim.base_url}/v1/embeddings"
        _, said, _ = await sims.post(url, {"input": "a red fox", "model": "m"})
        assert said["data"][0] | {"embedding": []} == {
            "object": "embedding",
            "embedding": [],
            "index": 0,
        }
        assert said["usage"] == {"prompt_tokens": 5, "total_tokens": 5}
        _, packed, _ = await sims.post(url, {"input": ["a red fox"], "encoding_format": "base64"})
        raw = np.frombuffer(base64.b64decode(packed["data"][0]["embedding"]), dtype="<f4")
        assert raw.tolist() == pytest.approx(said["data"][0]["embedding"])


async def test_tei_info_and_errors(sims: Sims) -> None:
    sim = await sims.start("tei", max_concurrent_requests=3, max_input_tokens=5)
    async with sims.http.get(f"{sim.base_url}/info") as response:
        said = await response.json()
    assert said["model_type"] == {"embedding": {"pooling": "mean"}}
    assert said["max_input_length"] == 5
    url = f"{sim.base_url}/embed"
    for inputs, status, kind in [
        ([], 400, "Empty"),
        (["a"] * 33, 422, "Validation"),
        (["a"] * 4, 429, "Overloaded"),
        ("", 422, "Validation"),
        ("a b c d e", 422, "Validation"),
    ]:
        code, said, _ = await sims.post(url, {"inputs": inputs, "truncate": False})
        assert (code, said["error_type"]) == (status, kind)
    code, said, _ = await sims.post(f"{sim.base_url}/v1/embeddings", {"input": []})
    assert (code, said) == (
        400,
        {"message": "`inputs` cannot be empty", "code": 400, "type": "Empty"},
    )


async def test_a_wrong_embedding_is_unrelated(sims: Sims) -> None:
    sim = await sims.start("tei", accuracy={"embedding": 0.0})
    twice = [(await (await sims.client(sim)).feature_extraction("a red fox"))[0] for _ in range(2)]
    sim.set_profile({"accuracy": 1.0})
    right = (await (await sims.client(sim)).feature_extraction("a red fox"))[0]
    assert max(abs(float(twice[0] @ twice[1])), abs(float(twice[0] @ right))) < 0.3
    assert sim.counters()["answers"] == {"wrong": 2, "right": 1}


async def test_openai_errors(sims: Sims) -> None:
    sim = await sims.start("openai", error_rate=1.0, error_statuses=[503], retry_after_s=2)
    url = f"{sim.base_url}/v1/chat/completions"
    status, said, headers = await sims.post(url, {"messages": MESSAGES, "stream": True})
    assert (status, said["error"]["type"], headers["retry-after"]) == (503, "server_error", "2")
    assert (await sims.post(url, {"messages": 3}))[0] == 400
    assert (await sims.post(f"{sim.base_url}/v1/embeddings", {"input": "a"}))[0] == 404
    sim.set_profile({"error_rate": 0})
    done = await (await sims.client(sim)).chat_completion(MESSAGES)
    assert done.choices[0].message.content == "deep blue"
    assert done.id.startswith("chatcmpl-")
