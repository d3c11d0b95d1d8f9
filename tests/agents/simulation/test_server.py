"""Simulated models over real HTTP: the real client, change in mid-run, several at once."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from huggingface_hub import ChatCompletionInputStreamOptions
from huggingface_hub.errors import OverloadedError, ValidationError

from agents.simulation.profile import ProfileError
from agents.simulation.server import RunningSim, run_sim_models
from tests.agents.simulation.sims import ASK, MESSAGES, Sims


@pytest.fixture
async def sims() -> AsyncIterator[Sims]:
    async with Sims() as running:
        yield running


async def test_chat_completion(sims: Sims) -> None:
    sim = await sims.start()
    done = await (await sims.client(sim)).chat_completion(MESSAGES, max_tokens=50)
    assert done.choices[0].message.content == "deep blue"
    assert done.choices[0].finish_reason == "stop"
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    assert sim.counters()["answers"] == {"right": 1}


async def test_chat_completion_streamed(sims: Sims) -> None:
    sim = await sims.start()
    chunks = [
        chunk
        async for chunk in await (await sims.client(sim)).chat_completion(
            MESSAGES,
            stream=True,
            stream_options=ChatCompletionInputStreamOptions(include_usage=True),
        )
    ]
    *deltas, last = chunks
    assert "".join(d.choices[0].delta.content or "" for d in deltas) == "deep blue"
    assert [d.choices[0].finish_reason for d in deltas] == [None] * (len(deltas) - 1) + ["stop"]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens == len(deltas)


async def test_text_generation(sims: Sims) -> None:
    asked = await sims.client(await sims.start())
    assert await asked.text_generation(ASK) == "deep blue"
    detailed = await asked.text_generation(ASK, details=True, decoder_input_details=True)
    assert detailed.generated_text == "deep blue"
    assert detailed.details is not None
    assert detailed.details.finish_reason == "eos_token"
    assert detailed.details.generated_tokens == len(detailed.details.tokens) == 3
    assert "".join(t.text for t in detailed.details.prefill[1:]) == ASK


async def test_text_generation_streamed(sims: Sims) -> None:
    asked = await sims.client(await sims.start())
    pieces = [piece async for piece in await asked.text_generation(ASK, stream=True)]
    assert "".join(pieces) == "deep blue</s>"
    events = [e async for e in await asked.text_generation(ASK, stream=True, details=True)]
    assert [e.index for e in events] == [1, 2, 3]
    assert events[-1].generated_text == "deep blue"
    assert events[-1].details is not None
    assert events[-1].details.generated_tokens == 3


async def test_feature_extraction(sims: Sims) -> None:
    sim = await sims.start("tei", dimension=64)
    one = await (await sims.client(sim)).feature_extraction("a red fox")
    assert one.shape == (1, 64)
    assert np.linalg.norm(one[0]) == pytest.approx(1, abs=1e-5)
    two = await (await sims.client(sim)).feature_extraction(["a red fox", "a red hen"])
    assert np.array_equal(two[0], one[0])
    assert 0.3 < float(two[0] @ two[1]) < 0.95


async def test_the_client_knows_the_errors(sims: Sims) -> None:
    sim = await sims.start(error_rate=1.0, error_statuses=[429])
    with pytest.raises(OverloadedError, match="Model is overloaded"):
        await (await sims.client(sim)).text_generation(ASK)
    sim.set_profile({"error_rate": 0})
    with pytest.raises(ValidationError, match="max_new_tokens"):
        await (await sims.client(sim)).text_generation(ASK, max_new_tokens=0)


async def test_answers_do_not_depend_on_the_order_of_arrival(sims: Sims) -> None:
    prompts = [f"{i}\nsim-answer: {i}" for i in range(20)] * 2
    outcomes = []
    for order in (prompts, prompts[::-1]):
        sim = await sims.start(accuracy=0.5)
        said = [(await sims.generate(sim, prompt))[1]["generated_text"] for prompt in order]
        outcomes.append(sorted(zip(order, said, strict=True)))
    assert outcomes[0] == outcomes[1]
    answers = {prompt: {t for p, t in outcomes[0] if p == prompt} for prompt in prompts}
    assert any(len(texts) == 2 for texts in answers.values()), "a second attempt is a new draw"


async def test_change_at_a_request_count(sims: Sims) -> None:
    change = {"after_requests": 5, "accuracy": 0.0}
    sim = await sims.start(changes=(change,))
    said = [(await sims.generate(sim, ASK))[1]["generated_text"] for _ in range(8)]
    assert [text == "deep blue" for text in said] == [True] * 5 + [False] * 3
    assert sim.profile.accuracy == 0.0


async def test_change_at_a_time(sims: Sims) -> None:
    now_s = 1000.0
    change = {"after_s": 60, "error_rate": 1.0}
    sim = await sims.start(clock=lambda: now_s, changes=(change,))
    now_s = 1059.9
    assert (await sims.generate(sim, ASK))[0] == 200
    now_s = 1060.0
    assert (await sims.generate(sim, ASK))[0] == 500


async def test_profile_over_http(sims: Sims) -> None:
    sim = await sims.start()
    url = f"{sim.base_url}/sim/profile"
    assert (await sims.generate(sim, ASK))[1]["generated_text"] == "deep blue"
    status, said, _ = await sims.post(url, {"accuracy": 0})
    assert (status, said["accuracy"]) == (200, 0)
    assert (await sims.generate(sim, ASK))[1]["generated_text"] != "deep blue"
    for patch, key in [
        ({"acuracy": 0}, "acuracy"),
        ({"accuracy": 2}, "accuracy"),
        ({"name": "x"}, "name"),
        ([], "object"),
    ]:
        status, said, _ = await sims.post(url, patch)
        assert (status, said["error_type"]) == (422, "profile")
        assert key in said["error"]
    async with sims.http.get(url) as response:
        assert (await response.json())["accuracy"] == 0
    async with sims.http.get(f"{sim.base_url}/sim/requests") as response:
        counted = await response.json()
    assert counted == sim.counters()
    assert counted["calls"] == 2
    assert counted["statuses"] == {"200": 2}
    assert counted["answers"] == {"right": 1, "wrong": 1}


async def test_own_routes_are_for_loopback_clients(
    sims: Sims, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim = await sims.start()
    monkeypatch.setattr("aiohttp.web_request.BaseRequest.remote", "192.0.2.1")
    for path in ("profile", "requests"):
        assert await sims.status(f"{sim.base_url}/sim/{path}") == 403
    assert (await sims.post(f"{sim.base_url}/sim/profile", {"accuracy": 0}))[0] == 403
    assert sim.profile.accuracy == 1.0


async def test_run_sim_models(tmp_path: Path, sims: Sims) -> None:
    path = tmp_path / "two.toml"
    each = '[[models]]\nname = "{}"\nprotocol = "{}"\n'
    path.write_text(each.format("a", "tgi") + each.format("b", "tei"))
    listening: asyncio.Future[list[RunningSim]] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        run_sim_models(path, ready=lambda running: listening.set_result([*running]))
    )
    running = await asyncio.wait_for(listening, 5)
    assert [sim.name for sim in running] == ["a", "b"]
    for sim in running:
        assert await sims.status(f"{sim.base_url}/health") == 200
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for sim in running:
        with pytest.raises(aiohttp.ClientConnectorError):
            await sims.status(f"{sim.base_url}/health")


async def test_a_port_that_is_taken_stops_those_that_started(tmp_path: Path) -> None:
    path = tmp_path / "two.toml"
    path.write_text("".join(f'[[models]]\nname = "{n}"\nprotocol = "tgi"\n' for n in "ab"))
    port, taken = neighbours()
    with taken, pytest.raises(OSError, match="address already in use"):
        await run_sim_models(path, first_port=port)
    with socket.socket() as free:
        free.bind(("127.0.0.1", port))


def neighbours() -> tuple[int, socket.socket]:
    """A port that was free just now, and the next one, taken."""
    while True:
        taken = socket.socket()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
            try:
                taken.bind(("127.0.0.1", port + 1))
            except OSError:
                taken.close()
                continue
        taken.listen()
        return port, taken


async def test_a_bad_profile_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=re.escape("none.toml")):
        await run_sim_models(tmp_path / "none.toml")
