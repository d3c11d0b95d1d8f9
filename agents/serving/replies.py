"""What clients get: OpenAI's replies."""

from __future__ import annotations

from typing import Literal

import msgspec

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all replies: every field is written, as OpenAI does."""


class Sparse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of parts that hold only what they say."""


class Tokens(Reply, frozen=True, kw_only=True):
    """Tokens as the model server counted them; 0 where it told only one of the two."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CalledFunction(Reply, frozen=True, kw_only=True):
    """A function's name and its arguments as JSON text."""

    name: str
    arguments: str


class ToolCall(Reply, frozen=True, kw_only=True):
    """What the model wants to be called."""

    id: str
    type: Literal["function"]
    function: CalledFunction


class AnsweredMessage(Sparse, frozen=True, kw_only=True):
    """The model's turn."""

    role: Literal["assistant"] = msgspec.field(default_factory=lambda: "assistant")
    content: str | None = msgspec.field(default_factory=lambda: None)
    refusal: None = msgspec.field(default_factory=lambda: None)
    tool_calls: list[ToolCall] | None = None


class Choice(Reply, frozen=True, kw_only=True):
    """The one answer there is."""

    index: int = 0
    message: AnsweredMessage
    logprobs: None = None
    finish_reason: FinishReason


class Completion(Reply, frozen=True, kw_only=True):
    """A whole answer; ``id`` is ``chatcmpl-`` and the query's id, ``created`` Unix seconds."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Tokens | None = None


class ToolCallPart(Reply, frozen=True, kw_only=True):
    """A tool call in a stream; it comes whole."""

    index: int
    id: str
    type: Literal["function"]
    function: CalledFunction


class Delta(Sparse, frozen=True, kw_only=True):
    """What is new."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    tool_calls: list[ToolCallPart] | None = None


class ChoicePart(Reply, frozen=True, kw_only=True):
    """What is new of the one answer."""

    index: int = 0
    delta: Delta
    logprobs: None = None
    finish_reason: FinishReason | None = None


class CompletionPart(Sparse, frozen=True, kw_only=True):
    """One event of a stream. ``usage`` is there only when it was asked for."""

    id: str
    object: Literal["chat.completion.chunk"] = msgspec.field(
        default_factory=lambda: "chat.completion.chunk"
    )
    created: int
    model: str
    choices: list[ChoicePart]
    usage: Tokens | msgspec.UnsetType | None = msgspec.UNSET


class Embedding(Reply, frozen=True, kw_only=True):
    """One text's vector: numbers, or little-endian 32-bit floats in base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class InputTokens(Reply, frozen=True, kw_only=True):
    """Tokens of the input; 0 where the model server doesn't tell."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(Reply, frozen=True, kw_only=True):
    """A vector for each text, in their order."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: InputTokens


class ModelCard(Reply, frozen=True, kw_only=True):
    """A name that ``model`` may have; ``created`` is when this gateway started."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "zeta"


class ModelCards(Reply, frozen=True, kw_only=True):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class FeedbackTaken(Reply, frozen=True, kw_only=True):
    """The feedback is in Kafka; when its answer is known it counts."""

    object: Literal["feedback"] = "feedback"
    query_id: str
    source: str


class Health(Sparse, frozen=True, kw_only=True):
    """Whether work can be done, and why not."""

    ready: bool
    why: str = ""
