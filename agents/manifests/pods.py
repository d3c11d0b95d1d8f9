"""The pod of a role: how it is started, asked whether it lives, limited and locked in."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from agents import grader, worker
from agents.manifests.names import PART_OF, Manifest, Target, labels, resource_name
from agents.manifests.users import user_name
from streams.settings import Settings

UID = 10001
"""The user of the image (Dockerfile)."""

METRICS_PORT = 9100
SECRET = "zeta-keys"  # noqa: S105 (its name)
SETTINGS = "zeta-settings"
STOP_MARGIN_S = 10

_KEYS = "/run/secrets/zeta"
_KAFKA = "/run/secrets/kafka"
_KAFKA_CA = "/run/secrets/kafka-ca"


@dataclass(frozen=True)
class Shape:
    """What one role's pods have of their own.

    ``cpu`` and ``memory`` are requested, ``limit`` is the most memory; ``keys`` are files of the
    Secret ``zeta-keys``, besides the one for metrics; ``port`` is served to others (HTTP).
    """

    cpu: str = "100m"
    memory: str = "256Mi"
    limit: str = "512Mi"
    keys: tuple[str, ...] = ()
    port: tuple[str, int] | None = None
    environment: tuple[tuple[str, str], ...] = ()
    writes: tuple[str, ...] = ()


def pod(settings: Settings, role: str, shape: Shape, target: Target) -> Manifest:
    """The pod's template, with its labels."""
    return {
        "metadata": {"labels": {**labels(role), **PART_OF, **_asks_models(role)}},
        "spec": {
            "automountServiceAccountToken": False,
            # A Service zeta-kafka-bootstrap would become variables ZETA_KAFKA_BOOTSTRAP_..., and
            # those are refused: they are no settings.
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": ceil(settings.kafka.drain_s) + STOP_MARGIN_S,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": UID,
                "runAsGroup": UID,
                "fsGroup": UID,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": "kubernetes.io/hostname",
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": labels(role)},
                }
            ],
            "containers": [_container(role, shape, target)],
            "volumes": _volumes(role, shape, target),
        },
    }


def _asks_models(role: str) -> dict[str, str]:
    """By this label network.yaml lets it out to models. The grader asks one as a judge."""
    asks = role == grader.ROLE or role.startswith(f"{worker.ROLE}-")
    return {"zeta/asks-models": "yes"} if asks else {}


def _container(role: str, shape: Shape, target: Target) -> Manifest:
    ports = [{"name": "metrics", "containerPort": METRICS_PORT}]
    if shape.port is not None:
        ports.append({"name": shape.port[0], "containerPort": shape.port[1]})
    found: Manifest = {
        "name": "zeta",
        "image": target.image,
        "args": ["run", role],
        "env": _environment(role, shape),
        "ports": ports,
        "startupProbe": _probe("/healthz", period_s=2, failures=60),
        "livenessProbe": _probe("/healthz", period_s=10, failures=6),
        "readinessProbe": _probe("/readyz", period_s=5, failures=2),
        "resources": {
            "requests": {"cpu": shape.cpu, "memory": shape.memory},
            "limits": {"memory": shape.limit},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": _mounts(shape),
    }
    if shape.port is not None:
        # Until nobody sends it requests any more: endpoints are told at the same time as the pod.
        found["lifecycle"] = {"preStop": {"sleep": {"seconds": 5}}}
    return found


def _environment(role: str, shape: Shape) -> list[Manifest]:
    plain = {
        "ZETA_CONFIG": "/etc/zeta/zeta.toml",
        "ZETA_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "ZETA_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "ZETA_KAFKA_USERNAME": user_name(role),
        "ZETA_KAFKA_PASSWORD_FILE": f"{_KAFKA}/password",
        "ZETA_KAFKA_CA_FILE": f"{_KAFKA_CA}/ca.crt",
        "ZETA_METRICS_HOST": "0.0.0.0",
        "ZETA_METRICS_PORT": str(METRICS_PORT),
        "ZETA_METRICS_KEY_FILE": f"{_KEYS}/metrics-key",
        "ZETA_LOG_FORMAT": "json",
        **dict(shape.environment),
    }
    name = {"name": "ZETA_REPLICA", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    return [name, *({"name": key, "value": value} for key, value in plain.items())]


def _probe(path: str, *, period_s: int, failures: int) -> Manifest:
    return {
        "httpGet": {"path": path, "port": "metrics"},
        "periodSeconds": period_s,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _mounts(shape: Shape) -> list[Manifest]:
    read_only = {
        "settings": "/etc/zeta",
        "keys": _KEYS,
        "kafka": _KAFKA,
        "kafka-ca": _KAFKA_CA,
    }
    return [
        *({"name": name, "mountPath": at, "readOnly": True} for name, at in read_only.items()),
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        *({"name": name, "mountPath": f"/var/lib/zeta/{name}"} for name in shape.writes),
    ]


def _volumes(role: str, shape: Shape, target: Target) -> list[Manifest]:
    keys = [{"key": key, "path": key} for key in ("metrics-key", *shape.keys)]
    secrets = {
        "keys": {"secretName": SECRET, "items": keys, "defaultMode": 0o440},
        "kafka": {
            "secretName": resource_name(user_name(role)),
            "items": [{"key": "password", "path": "password"}],
            "defaultMode": 0o440,
        },
        "kafka-ca": {
            "secretName": f"{target.cluster}-cluster-ca-cert",
            "items": [{"key": "ca.crt", "path": "ca.crt"}],
        },
    }
    return [
        {"name": "settings", "configMap": {"name": SETTINGS}},
        *({"name": name, "secret": secret} for name, secret in secrets.items()),
        {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
    ]
