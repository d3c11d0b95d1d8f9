"""``zeta manifests``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agents.commands.context import USAGE, get
from agents.manifests.files import SameNameError, manifest_files
from agents.manifests.names import Target


def manifests(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where the files go; they are replaced.")],
    image: Annotated[str, typer.Option(help="The image of the roles.")] = Target.image,
    cluster: Annotated[
        str, typer.Option(help="The name of Strimzi's Kafka resource.")
    ] = Target.cluster,
) -> None:
    """Write what Kubernetes needs for these settings: topics, users, roles, scaling.

    Example: zeta manifests deploy/kubernetes

    Give --config deploy/kubernetes/zeta.toml before it for the settings that lie there. Asks no
    broker and no cluster: see docs/kubernetes.md.
    """
    shared = get(context)
    try:
        files = manifest_files(shared.settings(), Target(image=image, cluster=cluster))
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (directory / name).write_text(text)
            shared.say(f"wrote {directory / name}")
    except SameNameError as error:
        shared.fail(str(error), USAGE)
    except OSError as error:
        shared.fail(f"{error.filename}: {error.strerror}")
