"""Where the local broker keeps what: one directory, one name per thing."""

import os
from dataclasses import dataclass
from pathlib import Path

from streams.home import home


def default_cache() -> Path:
    """Return ``$ZETA_HOME/kafka`` (``~/.zeta/kafka`` without it): Kafka's jars, by version.

    The only place here that reads the environment.
    """
    return home(os.environ) / "kafka"


def default_directory() -> Path:
    """Return ``broker`` in the default cache: the broker that ``zeta kafka start`` runs."""
    return default_cache() / "broker"


@dataclass(frozen=True)
class Layout:
    """The files of one broker, all below ``root`` (absolute, without symbolic links)."""

    root: Path

    @classmethod
    def of(cls, directory: Path) -> "Layout":
        """Return the layout of a directory, which need not exist yet."""
        return cls(Path(directory).expanduser().resolve())

    @property
    def data(self) -> Path:
        """Kafka's log segments and metadata: what survives a restart."""
        return self.root / "data"

    @property
    def unfinished_data(self) -> Path:
        """Storage while it is being formatted; becomes ``data`` when that is complete."""
        return self.root / "data.unfinished"

    @property
    def properties(self) -> Path:
        """The broker's configuration, written anew at each start."""
        return self.root / "server.properties"

    @property
    def log(self) -> Path:
        """What the Java process prints."""
        return self.root / "broker.log"

    @property
    def pid_file(self) -> Path:
        """The process id; only believed while that process names ``properties``."""
        return self.root / "broker.pid"

    @property
    def lock(self) -> Path:
        """Held by whoever starts or stops this broker."""
        return self.root / "lock"
