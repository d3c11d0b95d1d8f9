"""Kafka's jars: fetched once by Maven into a cache, then used from there."""

import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree as ET

from streams.broker.errors import BrokerError, last_lines
from streams.broker.java import find_java, find_maven
from streams.broker.layout import default_cache
from streams.broker.locks import exclusive

_POM = Path(__file__).with_name("pom.xml")
_OTHERS_DOWNLOAD_S = 900.0
_UNFINISHED = ".unfinished-"
_LOG = "-Dorg.slf4j.simpleLogger"


@lru_cache
def kafka_version() -> str:
    """Return the Kafka version that ``pom.xml`` pins."""
    found = ET.parse(_POM).findtext(".//{*}kafka.version")
    if found is None:
        message = f"{_POM} names no kafka.version"
        raise BrokerError(message)
    return found


def libs(cache: Path | None = None) -> Path:
    """Return the directory of Kafka's jars, after fetching them if the cache has none.

    It either holds every jar or doesn't exist: a download that was killed never counts.
    Raises ``BrokerError`` without Maven, and with Maven's last lines if it fails.
    """
    cache = (cache or default_cache()).expanduser().resolve()
    complete = cache / f"kafka-{kafka_version()}"
    if not complete.exists():
        with exclusive(cache / "lock", _OTHERS_DOWNLOAD_S):
            if not complete.exists():
                _download(cache, complete)
    return complete / "libs"


def java_command(
    class_name: str,
    *args: str,
    cache: Path | None = None,
    jvm: tuple[str, ...] = (),
    log_level: str = "warn",
) -> list[str]:
    """Return the command that runs one of Kafka's classes; it logs to standard error."""
    java = find_java()
    log = [
        f"{_LOG}.defaultLogLevel={log_level}",
        f"{_LOG}.showDateTime=true",
        f"{_LOG}.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    ]
    return [java, *jvm, *log, "-cp", f"{libs(cache)}/*", class_name, *args]


def tool_command(class_name: str, *args: str, cache: Path | None = None) -> list[str]:
    """Return the command of one of Kafka's own tools.

    For example ``org.apache.kafka.tools.consumer.ConsoleConsumer``,
    ``org.apache.kafka.tools.ConsoleProducer`` or ``org.apache.kafka.tools.GetOffsetShell``.
    Fetches Kafka if the cache has none; raises ``BrokerError`` as ``libs`` does.
    """
    return java_command(class_name, *args, cache=cache, jvm=("-Xmx256m",))


def _download(cache: Path, complete: Path) -> None:
    """Fetch everything beside the target, then rename it: complete or absent."""
    for left in cache.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=cache))
    try:
        _copy_dependencies(unfinished / "libs")
        unfinished.chmod(0o755)
        unfinished.rename(complete)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _copy_dependencies(target: Path) -> None:
    command = [find_maven(), "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies"]
    done = subprocess.run(
        [*command, f"-DoutputDirectory={target}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0 or not any(target.glob("kafka_*.jar")):
        message = f"Maven could not fetch Kafka {kafka_version()}:\n{last_lines(done.stdout)}"
        raise BrokerError(message)
