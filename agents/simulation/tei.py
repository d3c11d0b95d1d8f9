"""Embeddings as TEI 1 shapes them, and OpenAI's route for them: requests in, JSON bodies out. Pure.

Callers pass a random source per text; see `draw`.
"""

import base64
from typing import Any, Literal

import msgspec

from agents.simulation.draw import Draw, Verdict, is_right, task_of
from agents.simulation.embedding import Vector, embed, normalised, unrelated
from agents.simulation.errors import RefusalError, validation
from agents.simulation.profile import SimModel
from agents.simulation.tgi import tokenize

Json = dict[str, Any]
VERSION = "1.9.3"
DEFAULT_DIMENSION = 384
MAX_CLIENT_BATCH = 32
TASK = "embedding"
"""The task whose accuracy counts when a text names none."""


class EmbedRequest(msgspec.Struct, frozen=True):
    """Body of POST /embed and /."""

    inputs: str | list[str]
    normalize: bool = True
    truncate: bool | None = None
    dimensions: int | None = None

    def texts(self) -> list[str]:
        """The inputs as a list."""
        return [self.inputs] if isinstance(self.inputs, str) else self.inputs


class EmbeddingsRequest(msgspec.Struct, frozen=True):
    """Body of POST /v1/embeddings."""

    input: str | list[str]
    model: str | None = None
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None

    def as_embed(self) -> EmbedRequest:
        """The same request in TEI's own terms."""
        return EmbedRequest(self.input, dimensions=self.dimensions)


class Embedded(msgspec.Struct, frozen=True):
    """One text's vector, shape (dimension,), with its tokens and whether it is right."""

    vector: Vector
    tokens: int
    verdict: Verdict


def dimension_of(model: SimModel) -> int:
    """How long the model's vectors are; 0 means that it has none."""
    if model.protocol == "tei":
        return model.dimension or DEFAULT_DIMENSION
    return model.dimension


def check(request: EmbedRequest) -> list[str]:
    """The texts to embed. Raises TEI's `RefusalError` of a batch that is empty or too large."""
    texts = request.texts()
    if not texts:
        raise RefusalError(400, "`inputs` cannot be empty")
    if len(texts) > MAX_CLIENT_BATCH:
        raise RefusalError(
            422, f"batch size {len(texts)} > maximum allowed batch size {MAX_CLIENT_BATCH}"
        )
    return texts


def embed_text(model: SimModel, request: EmbedRequest, text: str, draw: Draw) -> Embedded:
    """The vector of one text, an unrelated one when the model gets it wrong.

    Raises TEI's `RefusalError` for an empty or too long text, or too many dimensions.
    """
    size = dimension_of(model)
    tokens = _tokens(model, request, text)
    right = is_right(model, task_of(text) or TASK, draw)
    space = model.vector_space or model.name
    vector = embed(space, size, text) if right else unrelated(size, draw)
    vector = vector[: _dimensions(request, size)]
    if request.normalize:
        vector = normalised(vector)
    return Embedded(vector, tokens, "right" if right else "wrong")


def embedded(results: list[Embedded]) -> list[list[float]]:
    """Body of POST /embed."""
    return [result.vector.tolist() for result in results]


def embeddings(model: SimModel, request: EmbeddingsRequest, results: list[Embedded]) -> Json:
    """Body of POST /v1/embeddings."""
    data = [
        {"object": "embedding", "embedding": _encoded(request, result.vector), "index": index}
        for index, result in enumerate(results)
    ]
    tokens = sum(result.tokens for result in results)
    used = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {
        "object": "list",
        "data": data,
        "model": model.model_id or model.name,
        "usage": used,
    }


def info(model: SimModel) -> Json:
    """Body of GET /info."""
    name = model.model_id or model.name
    return {
        "model_id": name,
        "model_sha": None,
        "model_dtype": "float32",
        "served_model_name": name,
        "model_type": {"embedding": {"pooling": "mean"}},
        "max_concurrent_requests": model.max_concurrent_requests,
        "max_input_length": model.max_input_tokens,
        "max_batch_tokens": 4 * model.max_input_tokens,
        "max_batch_requests": None,
        "max_client_batch_size": MAX_CLIENT_BATCH,
        "auto_truncate": True,
        "tokenization_workers": 1,
        "version": VERSION,
        "sha": None,
        "docker_label": "simulated",
    }


def _tokens(model: SimModel, request: EmbedRequest, text: str) -> int:
    if not text:
        raise validation("`inputs` cannot be empty")
    count = len(tokenize(text)) + 2
    if request.truncate is False and count > model.max_input_tokens:
        raise validation(
            f"`inputs` must have less than {model.max_input_tokens} tokens. Given: {count}"
        )
    return min(count, model.max_input_tokens)


def _dimensions(request: EmbedRequest, size: int) -> int:
    if request.dimensions is None:
        return size
    if request.dimensions < 1:
        raise validation("`dimensions` should be positive")
    if request.dimensions > size:
        raise validation("`dimensions` should be smaller than the maximum embedding dimension.")
    return request.dimensions


def _encoded(request: EmbeddingsRequest, vector: Vector) -> list[float] | str:
    if request.encoding_format == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    floats: list[float] = vector.tolist()
    return floats
