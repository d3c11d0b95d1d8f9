"""Asking a model's server: one method whatever its protocol, one error type whatever fails.

Through ``huggingface_hub.AsyncInferenceClient``, but for OpenAI's /v1/embeddings and what is asked
about the server's health, which are plain HTTP over the same connections.
"""

from __future__ import annotations

import asyncio

import httpx

from agents.endpoints.chat import chat
from agents.endpoints.embeddings import openai_embed, tei_embed
from agents.endpoints.failing import told_as_model_error
from agents.endpoints.link import Link
from agents.endpoints.parameters import route_of, unsupported
from agents.endpoints.probe import Seen, look
from agents.endpoints.streaming import OnText
from agents.endpoints.tgi import generate
from agents.model_error import ModelError
from agents.reply import Answer, checked
from agents.scrubbing import Scrubber
from schemas.query import Query
from streams.settings import Model


class Endpoint:
    """One model's endpoint.

    Args:
        model: where it is and what it speaks.
        token: bearer token, None for none. It is sent to this endpoint only.
        transport: instead of the network, for tests.
    """

    def __init__(
        self, model: Model, token: str | None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._model = model
        self._scrubber = Scrubber(token)
        self._link = Link(model, token, transport)

    async def close(self) -> None:
        """Closes the connections."""
        await self._link.close()

    def check(self, query: Query) -> None:
        """Refuses, before any call, what the model's protocol can't do.

        Raises:
            ModelError: ``rejected``; it names the parameter.
        """
        if problem := unsupported(self._model, query):
            raise ModelError("rejected", problem, asked=False)

    async def answer(
        self, query: Query, instructions: str, timeout_s: float, on_text: OnText | None = None
    ) -> Answer:
        """One attempt, within ``timeout_s``; with ``on_text`` each piece of text as it comes.

        Cancelled, it closes its connection, and the server stops.

        Raises:
            ModelError: no answer, whatever the reason.
        """
        self.check(query)
        try:
            with told_as_model_error(self._model.endpoint, timeout_s):
                async with asyncio.timeout(timeout_s):
                    return checked(await self._answer(query, instructions, on_text))
        except ModelError as error:
            # Not from it: what the server said may hold our token.
            raise self._scrubber.error(error) from None

    async def _answer(self, query: Query, instructions: str, on_text: OnText | None) -> Answer:
        match route_of(self._model, query):
            case "openai /v1/embeddings":
                return await openai_embed(self._link, query)
            case "tei /embed":
                return await tei_embed(self._link, query)
            case "tgi /generate":
                return await generate(self._link, query, instructions, on_text)
            case _:
                return await chat(self._link, query, instructions, on_text)

    async def look(self) -> Seen:
        """What the server says of its health and of itself; it never raises for what it meets."""
        seen = await look(self._link)
        return seen.scrubbed(self._scrubber)
