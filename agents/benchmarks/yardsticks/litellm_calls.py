"""LiteLLM's Router calling the same simulated servers over HTTP, in one process.

Prints a line of JSON: the seconds of each call, how long all took, and the processor time.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from typing import Any

from agents.benchmarks.worlds import query
from agents.comparison.litellm_library import load

GROUP = "models"


async def main(endpoints: list[str], calls: int, at_once: int, rate: float) -> None:
    """Makes ``calls``, at most ``at_once`` at a time, started at ``rate`` per second (0: at once).

    The first tenth warms up and isn't counted.
    """
    litellm = load()
    litellm.suppress_debug_info = True
    router = litellm.Router(model_list=[_deployment(endpoint) for endpoint in endpoints])
    warm = calls // 10
    await _all(router, warm, at_once, rate)
    before, began_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    took = await _all(router, calls - warm, at_once, rate)
    wall_s, after = time.monotonic() - began_s, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"took_s": took, "wall_s": wall_s, "cpu_s": cpu_s}), flush=True)


def _deployment(endpoint: str) -> dict[str, Any]:
    # Every way that LiteLLM has of asking an OpenAI-style server; the name is the server's own.
    called = {"model": "openai/sim", "api_base": f"{endpoint}/v1", "api_key": "none"}
    return {"model_name": GROUP, "litellm_params": called}


async def _all(router: Any, calls: int, at_once: int, rate: float) -> list[float]:
    numbers = iter(range(calls))
    began_s = time.monotonic()

    async def ask() -> list[float]:
        took = []
        for number in numbers:
            if rate:
                await asyncio.sleep(max(0.0, began_s + number / rate - time.monotonic()))
            called_s = time.monotonic()
            message = {"role": "user", "content": query(number, 1, "l").text}
            await router.acompletion(model=GROUP, messages=[message])
            took.append(time.monotonic() - called_s)
        return took

    return [one for each in await asyncio.gather(*(ask() for _ in range(at_once))) for one in each]


if __name__ == "__main__":
    servers, number, parallel, per_s = sys.argv[1:5]
    asyncio.run(main(servers.split(","), int(number), int(parallel), float(per_s)))
