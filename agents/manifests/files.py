"""The manifests as files of YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import yaml

from agents.manifests.names import Manifest, Target
from agents.manifests.roles import role_manifests
from agents.manifests.scaling import scaling_manifests
from agents.manifests.topics import topic_manifests
from agents.manifests.users import user_manifests
from streams.settings import Settings

Maker: TypeAlias = Callable[[Settings, Target], list[Manifest]]

FILES: Mapping[str, Maker] = {
    "topics.yaml": topic_manifests,
    "users.yaml": user_manifests,
    "roles.yaml": role_manifests,
    "scaling.yaml": scaling_manifests,
}
HEADER = "# Made by `zeta manifests` from the settings: change those, not this.\n"


class SameNameError(ValueError):
    """Two topics or roles get one name in Kubernetes, which knows lower case and dashes only."""


class _Plain(yaml.SafeDumper):
    """Without anchors: each resource can be read and moved by itself."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 (the base's name for it)
        return True


def manifest_files(settings: Settings, target: Target) -> dict[str, str]:
    """The text of each file, by its name.

    Raises:
        SameNameError: names that differ in the settings are alike in Kubernetes.
    """
    return {name: _text(make(settings, target)) for name, make in FILES.items()}


def _text(manifests: Iterable[Manifest]) -> str:
    seen: set[tuple[str, str]] = set()
    parts = []
    for row in manifests:
        key = (row["kind"], row["metadata"]["name"])
        if key in seen:
            raise SameNameError(f"two of {key[0]} would be called {key[1]}: rename one")
        seen.add(key)
        parts.append(yaml.dump(row, Dumper=_Plain, sort_keys=False, width=100))
    return HEADER + "---\n".join(parts)
