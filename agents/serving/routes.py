"""What each path does."""

from __future__ import annotations

import asyncio

from aiohttp import web

from agents.serving.bodies import ChatRequest, EmbeddingRequest, FeedbackRequest
from agents.serving.completing import PREFIX, completion, embeddings, response_headers
from agents.serving.events import Events
from agents.serving.front import Front
from agents.serving.hints import read_hints
from agents.serving.http import HOLDER, body_of, json_reply
from agents.serving.naming import names
from agents.serving.openapi import document
from agents.serving.querying import chat_query, embedding_query
from agents.serving.reading import read
from agents.serving.refusals import Refusal, refusal_of
from agents.serving.replies import FeedbackTaken, Health, ModelCard, ModelCards
from agents.serving.streaming import stream
from schemas.feedback import Feedback
from schemas.query import Query
from schemas.response import Response
from streams.tracing import Asking, decided


class Routes:
    """The handlers."""

    def __init__(self, front: Front) -> None:
        self._front = front

    def table(self) -> list[web.RouteDef]:
        """Every path."""
        return [
            web.post("/v1/chat/completions", self.chat),
            web.post("/v1/embeddings", self.embeddings),
            web.post("/v1/feedback", self.feedback),
            web.get("/v1/models", self.models),
            web.get("/v1/models/{id}", self.model),
            web.get("/openapi.json", self.openapi),
            web.get("/healthz", self.alive),
            web.get("/readyz", self.ready),
        ]

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """An answer, whole or as it comes."""
        front = self._front
        asked = read(ChatRequest, await body_of(request))
        query = chat_query(
            front.settings, asked, read_hints(request.headers), front.new_id(), front.address
        )
        created_s = front.now_ms() // 1000
        one_call = asked.parallel_tool_calls is False
        if not query.stream:
            response = await self._answer(request, query)
            return json_reply(
                completion(response, created_s, one_call=one_call),
                headers=response_headers(response),
            )
        options = asked.stream_options
        usage = options is not None and bool(options.include_usage)
        events = Events(query.query_id, created_s, usage=usage, one_call=one_call)
        with Asking(front.tracing, request.path, query.query_id, request.headers):
            async with front.asked(query) as waiter:
                return await stream(request, waiter, events)

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        """Vectors."""
        front = self._front
        asked = read(EmbeddingRequest, await body_of(request))
        query = embedding_query(
            front.settings, asked, read_hints(request.headers), front.new_id(), front.address
        )
        response = await self._answer(request, query)
        if asked.dimensions not in (None, response.dimension):
            message = f"{response.model} gave vectors of {response.dimension} dimensions"
            raise Refusal(400, "invalid_value", message, param="dimensions")
        return json_reply(
            embeddings(response, packed=asked.encoding_format == "base64"),
            headers=response_headers(response),
        )

    async def _answer(self, request: web.Request, query: Query) -> Response:
        with Asking(self._front.tracing, request.path, query.query_id, request.headers):
            async with self._front.asked(query) as waiter:
                response = await waiter.answer()
            decided(query.query_id, response.decision)
        if response.error is not None:
            raise refusal_of(response.error, response_headers(response))
        return response

    async def feedback(self, request: web.Request) -> web.StreamResponse:
        """Takes a score of an answer."""
        given = read(FeedbackRequest, await body_of(request))
        name = given.query_id if isinstance(given.query_id, str) else str(given.id)
        feedback = Feedback(
            query_id=name.removeprefix(PREFIX) or name,
            score=given.score,
            source=HOLDER.get(),
            comment=given.comment,
            given_at=self._front.now_ms(),
        )
        await self._front.sender.send("feedback", feedback, key=feedback.query_id)
        taken = FeedbackTaken(query_id=feedback.query_id, source=feedback.source)
        return json_reply(taken, status=202)

    async def models(self, _: web.Request) -> web.StreamResponse:
        """The names that ``model`` may have."""
        return json_reply(ModelCards(data=self._cards()))

    async def model(self, request: web.Request) -> web.StreamResponse:
        """One of them."""
        name = request.match_info["id"]
        for card in self._cards():
            if card.id == name:
                return json_reply(card)
        raise Refusal(404, "model_not_found", f"no model {name!r}", param="model")

    def _cards(self) -> list[ModelCard]:
        created_s = self._front.started_at // 1000
        return [ModelCard(id=name, created=created_s) for name in names(self._front.settings)]

    async def openapi(self, _: web.Request) -> web.StreamResponse:
        """All of these, described."""
        front = self._front
        return json_reply(document(front.settings, keys=bool(front.keys.by_name)))

    async def alive(self, _: web.Request) -> web.StreamResponse:
        """200 while the event loop turns."""
        await asyncio.sleep(0)
        return json_reply({"status": "ok"})

    async def ready(self, _: web.Request) -> web.StreamResponse:
        """200 while requests can be served, else 503 with the reason."""
        why = self._front.unready()
        if why is None:
            return json_reply(Health(ready=True))
        return json_reply(Health(ready=False, why=why), status=503)
