"""TGI's own /generate and /generate_stream: a plain prompt, without a chat template."""

from __future__ import annotations

from typing import Any

from agents.endpoints.finishing import finish_of
from agents.endpoints.link import Link, header_count
from agents.endpoints.parameters import generate_arguments
from agents.endpoints.streaming import OnText, Pieces, gathered
from agents.reply import Answer, counted
from schemas.query import Query
from schemas.response import Usage
from streams.clock import loop_s


async def generate(link: Link, query: Query, instructions: str, on_text: OnText | None) -> Answer:
    """One generation; with ``on_text`` each piece of its text as it comes."""
    arguments = generate_arguments(query, instructions)
    url = f"{link.base}/generate" + ("_stream" if on_text else "")
    async with link.client(url, {}) as client:
        if on_text is None:
            return _whole(await client.text_generation(**arguments, model=url, details=True))
        pieces = Pieces(loop_s(), on_text)
        opening = client.text_generation(**arguments, model=url, details=True, stream=True)
        limit_s = link.model.first_token_timeout_s
        return await gathered(opening, pieces, pieces.take_generated, limit_s)


def _whole(output: Any) -> Answer:
    details = output.details
    # The prompt's own tokens come only on demand, and at a price: the header has their number.
    prompt_tokens = header_count("x-prompt-tokens") or len(details.prefill) or None
    return Answer(
        text=output.generated_text,
        finish_reason=finish_of(details.finish_reason),
        usage=Usage(
            prompt_tokens=prompt_tokens, completion_tokens=counted(details.generated_tokens)
        ),
    )
