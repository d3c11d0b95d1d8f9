"""Text generation as TGI 3 shapes it: requests in, tokens, JSON bodies and stream events out. Pure.

The chat routes also serve the `openai` protocol, whose errors look different (`errors`).
"""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from agents.simulation import tools
from agents.simulation.errors import validation
from agents.simulation.profile import SimModel

Json = dict[str, Any]
FinishReason = Literal["length", "eos_token", "stop_sequence"]
VERSION = "3.3.6"
PIECE = re.compile(r"\s*\w{1,6}|\s*[^\w\s]|\s+")
EOS = "</s>"


class Parameters(msgspec.Struct, frozen=True):
    """TGI's generation parameters, those that change a simulated answer."""

    max_new_tokens: int | None = None
    stop: list[str] | None = None
    details: bool | None = None
    decoder_input_details: bool | None = None
    return_full_text: bool | None = None
    seed: int | None = None


class GenerateRequest(msgspec.Struct, frozen=True):
    """Body of POST /generate, /generate_stream and / (which alone looks at `stream`)."""

    inputs: str
    parameters: Parameters = Parameters()
    stream: bool = False


class Message(msgspec.Struct, frozen=True):
    """One chat message; of content in parts, only text counts."""

    role: str
    content: str | list[Json] | None = None


class StreamOptions(msgspec.Struct, frozen=True):
    """Whether a chat stream ends with a chunk that holds the usage."""

    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True):
    """Body of POST /v1/chat/completions."""

    messages: list[Message]
    model: str | None = None
    max_tokens: int | None = None
    stop: list[str] | str | None = None
    seed: int | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    tools: list[Json] | None = None
    tool_choice: str | Json | None = None

    def prompt(self) -> str:
        """The text of all messages, a line between them; the last one comes last."""
        return "\n".join(_content(message) for message in self.messages)

    def parameters(self) -> Parameters:
        """What the chat asks for, in TGI's terms."""
        stop = [self.stop] if isinstance(self.stop, str) else self.stop
        return Parameters(self.max_tokens, stop, details=True, seed=self.seed)


class Token(msgspec.Struct, frozen=True):
    """One generated token."""

    id: int
    text: str
    logprob: float
    special: bool = False


class Generation(msgspec.Struct, frozen=True):
    """A finished generation; `tokens` include the end-of-sequence token, as TGI's do."""

    text: str
    tokens: list[Token]
    finish_reason: FinishReason
    prompt: list[Token]
    seed: int | None = None


def tokenize(text: str) -> list[Token]:
    """Pieces of up to six letters that join to `text` again, with made-up ids and logprobs."""
    return [_token(piece) for piece in PIECE.findall(text)]


def generate(model: SimModel, prompt: str, text: str, parameters: Parameters) -> Generation:
    """`text` cut as `parameters` demand. Raises `RefusalError` where TGI's validation would."""
    prefill = [Token(1, "<s>", 0.0, special=True), *tokenize(prompt)]
    limit = _max_new_tokens(model, prompt, len(prefill), parameters.max_new_tokens)
    reason: FinishReason = "eos_token"
    for stop in parameters.stop or []:
        if stop and stop in text:
            # TGI leaves the stop sequence itself in the text.
            text, reason = text[: text.index(stop) + len(stop)], "stop_sequence"
    tokens = tokenize(text)
    if reason == "eos_token":
        tokens.append(Token(2, EOS, -0.01, special=True))
    if len(tokens) > limit:
        tokens, reason = tokens[:limit], "length"
    text = "".join(token.text for token in tokens if not token.special)
    return Generation(text, tokens, reason, prefill, parameters.seed)


def generated(made: Generation, prompt: str, parameters: Parameters) -> Json:
    """Body of POST /generate."""
    text = prompt + made.text if parameters.return_full_text else made.text
    if not (parameters.details or parameters.decoder_input_details):
        return {"generated_text": text}
    prefill = made.prompt if parameters.decoder_input_details else []
    details = {
        "finish_reason": made.finish_reason,
        "generated_tokens": len(made.tokens),
        "seed": made.seed,
        "prefill": [{"id": t.id, "text": t.text, "logprob": t.logprob} for t in prefill],
        "tokens": made.tokens,
    }
    return {"generated_text": text, "details": details}


def stream_events(made: Generation, prompt: str, parameters: Parameters) -> Iterator[Json]:
    """Events of POST /generate_stream: one per token, the last with the whole text."""
    for index, token in enumerate(made.tokens, 1):
        event: Json = {"index": index, "token": token, "generated_text": None, "details": None}
        if index == len(made.tokens):
            event["generated_text"] = generated(made, prompt, parameters)["generated_text"]
            event["details"] = _stream_details(made) if parameters.details else None
        yield event


def chat(model: SimModel, request: ChatRequest, made: Generation, created: int) -> Json:
    """Body of POST /v1/chat/completions; `created` is a Unix time in seconds."""
    tool = tools.tool_name(request.tools, request.tool_choice)
    message = {"role": "assistant", "content": made.text}
    if tool is not None:
        message = tools.message(tool, made.text)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(made)}
    head = _chat_head(model, request, made, created)
    return {"object": "chat.completion", **head, "choices": [choice], "usage": usage(made)}


def chat_events(
    model: SimModel, request: ChatRequest, made: Generation, created: int
) -> Iterator[Json]:
    """Chunks of a chat stream, without the closing `[DONE]`."""
    head = {"object": "chat.completion.chunk", **_chat_head(model, request, made, created)}
    parts = list(_deltas(request, made))
    for index, delta in enumerate(parts, 1):
        reason = _reason(made) if index == len(parts) else None
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        yield {**head, "choices": [choice], "usage": None}
    if request.stream_options and request.stream_options.include_usage:
        yield {**head, "choices": [], "usage": usage(made)}


def _deltas(request: ChatRequest, made: Generation) -> Iterator[Json]:
    tool = tools.tool_name(request.tools, request.tool_choice)
    if tool is not None:
        yield from tools.deltas(tool, made.text)
        return
    for token in made.tokens:
        yield {"role": "assistant", "content": "" if token.special else token.text}


def usage(made: Generation) -> Json:
    """Token counts of a generation, as the chat routes report them."""
    prompt, completion = len(made.prompt), len(made.tokens)
    total = prompt + completion
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}


def _content(message: Message) -> str:
    if isinstance(message.content, list):
        return "".join(str(part.get("text", "")) for part in message.content)
    return message.content or ""


def _token(piece: str) -> Token:
    digest = blake2b(piece.encode(), digest_size=6).digest()
    logprob = -(1 + int.from_bytes(digest[4:])) / 2**15
    return Token(3 + int.from_bytes(digest[:4]) % 31997, piece, round(logprob, 6))


def _max_new_tokens(model: SimModel, prompt: str, given: int, asked: int | None) -> int:
    if not prompt:
        raise validation("`inputs` cannot be empty")
    if asked is not None and asked < 1:
        raise validation("`max_new_tokens` must be strictly positive")
    if given > model.max_input_tokens:
        raise validation(
            f"`inputs` must have less than {model.max_input_tokens} tokens. Given: {given}"
        )
    limit = asked if asked is not None else model.max_total_tokens - given
    if given + limit > model.max_total_tokens or limit < 1:
        raise validation(
            f"`inputs` tokens + `max_new_tokens` must be <= {model.max_total_tokens}. "
            f"Given: {given} `inputs` tokens and {limit} `max_new_tokens`"
        )
    return limit


def _reason(made: Generation) -> str:
    return "stop" if made.finish_reason == "eos_token" else made.finish_reason


def _stream_details(made: Generation) -> Json:
    return {
        "finish_reason": made.finish_reason,
        "generated_tokens": len(made.tokens),
        "seed": made.seed,
        "input_length": len(made.prompt),
    }


def _chat_head(model: SimModel, request: ChatRequest, made: Generation, created: int) -> Json:
    own = model.model_id or model.name
    asked = None if request.model == "tgi" else request.model
    digest = blake2b(f"{made.text}{created}".encode(), digest_size=8).hexdigest()
    return {
        "id": "" if model.protocol == "tgi" else f"chatcmpl-{digest}",
        "created": created,
        "model": asked or own,
        "system_fingerprint": f"{VERSION}-simulated",
    }
