"""All targets, by name."""

from __future__ import annotations

from tests.fuzz.target import Target
from tests.fuzz.targets import answers, files, servers, stages, wire

TARGETS: dict[str, Target] = {
    target.name: target
    for module in (wire, files, stages, answers, servers)
    for target in module.TARGETS
}

WEIGHTS = {
    "wire": 150,
    "wire-shaped": 150,
    "salvage-query-id": 200,
    "archive-rows": 6,
    "record-headers": 250,
    "replay-filter": 100,
    "tail-line": 80,
    "settings": 8,
    "overrides": 4,
    "queries-file": 15,
    "outcomes-file": 6,
    "rules-file": 15,
    "sim-profile": 8,
    "sim-patch": 4,
    "arguments": 60,
    "router": 8,
    "aggregator": 8,
    "tuner": 2,
    "readers": 6,
    "model-reply": 6,
    "graders": 15,
    "readers-of-text": 60,
    "http-bodies": 4,
    "http-raw": 4,
}
"""Parts of a run's inputs: the fast ones take thousands a second, the tuner fifty."""
