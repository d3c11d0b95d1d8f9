"""Whether each of ``[models]`` makes sense by itself, and their topics beside each other."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from streams.secret_source import endpoint_problem, source_problem
from streams.sections import Model
from streams.table_check import Where


def check_models(models: Mapping[str, Model], where: Where) -> None:
    """Refuses what a key's own type and range don't show.

    Raises:
        SettingsError: names the key and what is allowed.
    """
    for name, model in models.items():
        _check_model(f"models.{name}", model, where)
    _check_topics(models, where)


def _check_model(key: str, model: Model, where: Where) -> None:
    if wrong := endpoint_problem(model.endpoint):
        raise where.error(f"{key}.endpoint", wrong)
    if not _is_http_url(model.endpoint):
        problem = f"must be an http:// or https:// URL; got {model.endpoint!r}"
        raise where.error(f"{key}.endpoint", problem)
    if "embedding" in model.serves and not model.vector_space:
        problem = "is missing; an embedding model names the space of its vectors"
        raise where.error(f"{key}.vector_space", problem)
    if model.protocol == "tei" and "chat" in model.serves:
        raise where.error(f"{key}.serves", "must be embedding alone for a tei endpoint")
    if model.api == "generate" and model.protocol != "tgi":
        raise where.error(f"{key}.api", "generate is for a tgi endpoint")
    if model.protocol != "tei" and (model.truncate or not model.normalize):
        name = "truncate" if model.truncate else "normalize"
        raise where.error(f"{key}.{name}", "is for a tei endpoint")
    if found := source_problem(model.token_variable, model.token_file):
        raise where.error(f"{key}.token_{found[0]}", found[1])
    if model.ca_file and (wrong := _ca_problem(model)):
        raise where.error(f"{key}.ca_file", wrong)


def _ca_problem(model: Model) -> str | None:
    if not model.endpoint.startswith("https:"):
        return "is for an https endpoint; this one is http"
    try:
        ssl.create_default_context(cafile=model.ca_file)
    except OSError as error:  # an ssl.SSLError is one
        return f"is no file of certificates in PEM: {model.ca_file}: {error.strerror or error}"
    return None


def _is_http_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that isn't a number, a bracket without its other
        return False


def _check_topics(models: Mapping[str, Model], where: Where) -> None:
    # Kafka's metric names hold _ for both, so it refuses the second topic.
    seen: dict[str, str] = {}
    for name in models:
        other = seen.setdefault(name.replace(".", "_"), name)
        if other != name:
            problem = f"differs from {other} by . and _ alone, which Kafka can't tell apart"
            raise where.error(f"models.{name}", problem)
