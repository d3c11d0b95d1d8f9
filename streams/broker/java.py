"""Finding Java and Maven, and saying what helps when they are missing."""

import re
import shutil
import subprocess
from functools import lru_cache

from streams.broker.errors import BrokerError

OLDEST_JAVA = 17
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')
_WAYS_OUT = (
    f"install Java {OLDEST_JAVA}+ and Maven (Debian: openjdk-17-jre-headless maven), "
    "or point KAFKA_BOOTSTRAP at a broker that already runs, "
    "or run one with docker compose"
)


def find_java() -> str:
    """Return the path of ``java`` on the PATH; raise ``BrokerError`` if it is missing or old."""
    java = shutil.which("java")
    if java is None:
        raise _unmet(f"needs Java {OLDEST_JAVA} or newer, and there is no java on the PATH")
    found = _version(java)
    if found is None or found < OLDEST_JAVA:
        raise _unmet(f"needs Java {OLDEST_JAVA} or newer, and {java} is {found or 'unknown'}")
    return java


def find_maven() -> str:
    """Return the path of ``mvn`` on the PATH; raise ``BrokerError`` if it is missing."""
    maven = shutil.which("mvn")
    if maven is None:
        raise _unmet("needs Maven to fetch Kafka once, and there is no mvn on the PATH")
    return maven


def _unmet(need: str) -> BrokerError:
    return BrokerError(f"The local broker {need}: {_WAYS_OUT}.")


@lru_cache
def _version(java: str) -> int | None:
    """Return the major version; Java 8 and older call themselves 1.8."""
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    match = _VERSION.search(said.stderr + said.stdout)
    return int(match.group(1)) if match else None
