"""The least that a worker can be: the same client's calls, so many at a time, and no Kafka."""

from __future__ import annotations

import asyncio
import sys
import time

from huggingface_hub import AsyncInferenceClient


async def main(endpoint: str, calls: int, at_once: int) -> None:
    """Prints the seconds that the calls took, without the first tenth of them."""
    client = AsyncInferenceClient(base_url=endpoint, timeout=60)
    left = iter(range(calls))
    began_s = 0.0

    async def ask() -> None:
        nonlocal began_s
        for number in left:
            if number == calls // 10:
                began_s = time.monotonic()
            message = {"role": "user", "content": f"Question {number}"}
            await client.chat_completion([message])

    await asyncio.gather(*(ask() for _ in range(at_once)))
    print(f"rate {0.9 * calls / (time.monotonic() - began_s):.3f}", flush=True)
    await client.close()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
