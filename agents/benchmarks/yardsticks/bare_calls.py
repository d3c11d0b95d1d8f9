"""The least that a worker can be: the same client's calls, so many at a time, and no Kafka."""

from __future__ import annotations

import asyncio
import sys
import time

from huggingface_hub import AsyncInferenceClient

from agents.benchmarks.worlds import query
from agents.benchmarks.yardsticks.bare_client import bare_client


async def main(endpoint: str, calls: int, at_once: int, way: str) -> None:
    """Prints how many calls a second it made, without the first tenth of them.

    By the ``way`` "client" with the client as it comes, by "transport" as a worker has it.
    """
    if way == "transport":
        client = bare_client(endpoint)
    else:
        client = AsyncInferenceClient(base_url=endpoint, timeout=60)
    left = iter(range(calls))
    began_s = 0.0

    async def ask() -> None:
        nonlocal began_s
        for number in left:
            if number == calls // 10:
                began_s = time.monotonic()
            message = {"role": "user", "content": query(number, 1, "b").text}
            await client.chat_completion([message])

    await asyncio.gather(*(ask() for _ in range(at_once)))
    print(f"rate {0.9 * calls / (time.monotonic() - began_s):.3f}", flush=True)
    await client.close()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
