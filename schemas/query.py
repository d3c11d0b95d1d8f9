"""``queries``: what a client asks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from schemas.wire import (
    AnyInt,
    Event,
    Fraction,
    Label,
    Name,
    PositiveInt,
    PositiveSeconds,
    Seconds,
)


class Message(Event, frozen=True, kw_only=True):
    """One turn of a chat, as the OpenAI API has it."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class Parameters(Event, frozen=True, kw_only=True):
    """Generation settings; what is left out is the model server's choice.

    One that a model's protocol doesn't have is refused by its name (docs/model-servers.md).
    """

    max_tokens: PositiveInt | None = None
    temperature: Seconds | None = None
    top_p: Fraction | None = None
    top_k: PositiveInt | None = None
    seed: AnyInt | None = None
    stop: list[str] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None


class Reference(Event, frozen=True, kw_only=True):
    """How to grade the answer: ``kind`` names the grader, ``value`` what it compares with."""

    kind: Name
    value: Any = None
    tolerance: Annotated[float, msgspec.Meta(ge=0)] | None = None


class Query(Event, frozen=True, kw_only=True):
    """What a client asks: exactly one of ``prompt``, ``messages`` and ``input``.

    A record without a ``query_id`` gets ``<topic>-<partition>-<offset>``; one without a
    ``task`` gets one from the router's classifier. ``time_limit_s`` counts from the record's
    Kafka timestamp. ``models`` restricts the candidates to those named. With ``replay``, the id of
    a run of ``zeta replay`` (the router takes it from the record's header), nothing is learned
    from the answer.
    """

    query_id: Annotated[str, msgspec.Meta(max_length=249)] = ""
    task: Name | None = None
    prompt: str | None = None
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)] | None = None
    input: str | Annotated[list[str], msgspec.Meta(min_length=1)] | None = None
    parameters: Parameters = msgspec.field(default_factory=Parameters)
    reference: Reference | None = None
    time_limit_s: PositiveSeconds | None = None
    session: Label | None = None
    reply_to: Label | None = None
    models: Annotated[list[Name], msgspec.Meta(min_length=1)] | None = None
    any_space: bool = False
    stream: bool = False
    replay: str | None = None

    def __post_init__(self) -> None:
        given = [
            name
            for name, value in (
                ("prompt", self.prompt),
                ("messages", self.messages),
                ("input", self.input),
            )
            if value is not None
        ]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise ValueError(f"give exactly one of prompt, messages and input; got {found}")

    @property
    def text(self) -> str:
        """The words of the query, whichever field holds them."""
        if self.prompt is not None:
            return self.prompt
        if self.messages is not None:
            return "\n".join(message.content or "" for message in self.messages)
        return self.input if isinstance(self.input, str) else "\n".join(self.input or [])
