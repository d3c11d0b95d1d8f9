"""Why the broker wouldn't talk to us: aiokafka only logs that, and gives up or tries for ever."""

from __future__ import annotations

import asyncio
import ssl
from asyncio import IncompleteReadError
from typing import Any

from aiokafka.conn import AIOKafkaConnection, collect_hosts
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from streams.connecting import connection
from streams.settings import Kafka

TIMEOUT_S = 2.0
CLOSE_S = 0.1
_TLS_ALERT = 0x15


async def refusal(kafka: Kafka) -> str | None:
    """Which setting keeps us out, by trying the addresses once; None: it's something else."""
    arguments = connection(kafka)
    servers = arguments.pop("bootstrap_servers")
    for host, port, _ in collect_hosts(servers):
        if (found := await _refusal_at(kafka, host, port, arguments)) is not None:
            return f"{host}:{port} {found}"
    return None


async def _refusal_at(kafka: Kafka, host: str, port: int, arguments: dict[str, Any]) -> str | None:
    conn = AIOKafkaConnection(host, port, **arguments)
    connected = False
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await conn.connect()
            connected = True
            await conn.send(MetadataRequest([]))
    except (OSError, KafkaError) as error:
        return _sentence(kafka, error, connected=connected)
    finally:
        # It tells only where there was a connection; a moment lets this one and aiokafka's end.
        await asyncio.wait({conn.close()}, timeout=CLOSE_S)
    return None


def _sentence(kafka: Kafka, error: BaseException, *, connected: bool) -> str | None:
    protocol = kafka.security_protocol
    match error:
        case ssl.SSLCertVerificationError():
            return _certificate(kafka, error)
        case SaslAuthenticationFailed():
            return (
                f"refuses kafka.username {kafka.username} ({kafka.sasl_mechanism}): no such user, "
                f"or not its password (kafka.{_password_key(kafka)})"
            )
        case UnsupportedSaslMechanismError():
            return f"doesn't take {kafka.sasl_mechanism}: set kafka.sasl_mechanism to what it takes"
        case IllegalSaslStateError():
            return f"takes no SASL there: kafka.security_protocol is {protocol}; see its listeners"
        case KafkaConnectionError():
            return _closed(kafka, error, connected=connected)
        case ssl.SSLError() | ConnectionResetError() if protocol.endswith("SSL"):
            return f"doesn't speak TLS: kafka.security_protocol is {protocol}; see its listeners"
        case _:
            return None


def _password_key(kafka: Kafka) -> str:
    return "password_variable" if kafka.password_variable else "password_file"


def _certificate(kafka: Kafka, error: ssl.SSLCertVerificationError) -> str:
    match error.verify_code:  # OpenSSL's numbers
        case 10:
            return "shows a certificate that has expired: renew the broker's certificate"
        case 9:
            return "shows a certificate that isn't valid yet: see the clocks"
        case 62 | 64:
            return (
                "shows a certificate of another host: name the broker in kafka.bootstrap as its "
                "certificate does"
            )
    trusted = kafka.ca_file or "the system's authorities"
    return (
        f"shows a certificate that {trusted} didn't sign: set kafka.ca_file to the authority that "
        f"did ({error.verify_message})"
    )


def _closed(kafka: Kafka, error: KafkaConnectionError, *, connected: bool) -> str | None:
    """The broker ended the connection, in answer to what it was told."""
    protocol = kafka.security_protocol
    match error.__cause__:
        case IncompleteReadError(expected=int(size)) if size >> 24 == _TLS_ALERT:
            return f"speaks TLS: set kafka.security_protocol ({protocol}) to SSL or SASL_SSL"
        case ssl.SSLError() if kafka.certificate_file:
            return (
                "refuses kafka.certificate_file: it has expired, or an authority signed it that "
                "the broker doesn't trust"
            )
        case ssl.SSLError():
            return "wants a certificate: set kafka.certificate_file and kafka.key_file"
    if connected and not protocol.startswith("SASL"):
        return (
            f"ends the connection: it may want a user; kafka.security_protocol is {protocol}, and "
            "SASL_SSL goes with kafka.username"
        )
    return None
