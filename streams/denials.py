"""What the broker didn't allow, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)

from streams.settings import Kafka

_KINDS = {
    TopicAuthorizationFailedError: "topic",
    GroupAuthorizationFailedError: "group",
    # Of an idempotent producer that may write to no topic at all.
    ClusterAuthorizationFailedError: "the cluster, which needs the right to write to any topic",
}


def denied(error: BaseException | None) -> str | None:
    """One sentence about the denial in the error, or in what caused it; None: there is none."""
    for cause in _causes(error):
        for kind, noun in _KINDS.items():
            if isinstance(cause, kind):
                what = " ".join([noun, *_names(cause.args)])
                return (
                    f"the broker does not let this principal (kafka.username, or the certificate) "
                    f"do that with {what}: grant what `zeta topics acls` prints for its role"
                )
    return None


def told(error: BaseException) -> str:
    """``denied``, or else the error as it is."""
    return denied(error) or repr(error)


def or_hidden(kafka: Kafka) -> str:
    """What to add to "does not exist": brokers don't show what a principal may not describe."""
    if kafka.security_protocol == "PLAINTEXT":
        return ""
    return ", or may not be described by this principal (`zeta topics acls`)"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _names(arguments: Iterable[object]) -> Iterator[str]:
    """What aiokafka gives, a name, or a set of names."""
    for argument in arguments:
        if isinstance(argument, str):
            yield argument
        elif isinstance(argument, Iterable):
            yield ", ".join(sorted(map(str, argument)))
