"""What clients send: OpenAI's requests, as far as they can be served.

A field that isn't here is refused by its name. One that can be served with one value only says
so by its type (``n``: 1, ``audio``: null), and those that change nothing in the answer (``user``,
``metadata``, ...) are taken and not looked at.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from schemas.wire import AnyInt, Fraction, Name, PositiveInt

MOST_INPUTS = 2048

Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]
Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]
# msgspec has no Literal[False].
Never = Annotated[bool, msgspec.Meta(extra_json_schema={"const": False})]
Nothing = Annotated[dict[str, float], msgspec.Meta(max_length=0)]
Text = Annotated[str, msgspec.Meta(max_length=1000)]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all requests: an unknown field is an error."""


class TextPart(Body, frozen=True, kw_only=True):
    """A part of a message; there are none but texts."""

    type: Literal["text"]
    text: str


class ChatMessage(Body, frozen=True, kw_only=True):
    """One turn. Of several texts in ``content`` each begins a line."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[TextPart] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    # A client that sends an answer of ours back as the next turn has these.
    refusal: None = None
    audio: None = None
    function_call: None = None
    annotations: list[dict[str, Any]] | None = None


class StreamOptions(Body, frozen=True, kw_only=True):
    """How a stream ends."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatRequest(Body, frozen=True, kw_only=True):
    """POST /v1/chat/completions."""

    messages: Annotated[list[ChatMessage], msgspec.Meta(min_length=1)]
    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: PositiveInt | None = None
    max_completion_tokens: PositiveInt | None = None
    temperature: Temperature | None = None
    top_p: Fraction | None = None
    # Not OpenAI's, but model servers have it.
    top_k: PositiveInt | None = None
    seed: AnyInt | None = None
    stop: str | list[str] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Literal["none", "auto", "required"] | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    # Taken, and not looked at.
    user: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    # One value only, or none.
    n: Literal[1] | None = None
    modalities: list[Literal["text"]] | None = None
    logprobs: Never | None = None
    top_logprobs: Literal[0] | None = None
    logit_bias: Nothing | None = None
    audio: None = None
    prediction: None = None
    functions: None = None
    function_call: None = None
    reasoning_effort: None = None
    verbosity: None = None
    web_search_options: None = None
    moderation: None = None


class EmbeddingRequest(Body, frozen=True, kw_only=True):
    """POST /v1/embeddings. ``dimensions`` chooses among models; it cuts no vector short."""

    input: str | Annotated[list[str], msgspec.Meta(min_length=1, max_length=MOST_INPUTS)]
    model: str
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: PositiveInt | None = None
    user: str | None = None


class FeedbackRequest(Body, frozen=True, kw_only=True):
    """POST /v1/feedback: exactly one of ``query_id`` and ``id`` (a completion's)."""

    score: Fraction
    query_id: Name | msgspec.UnsetType = msgspec.UNSET
    id: Name | msgspec.UnsetType = msgspec.UNSET
    comment: Annotated[str, msgspec.Meta(max_length=10_000)] | None = None

    def __post_init__(self) -> None:
        if (self.query_id is msgspec.UNSET) == (self.id is msgspec.UNSET):
            raise ValueError("give exactly one of query_id and id")
