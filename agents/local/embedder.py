"""Two runtimes of all-MiniLM-L6-v2, without torch and without a hub.

`int8` runs quantised ONNX weights with onnxruntime, `fp32` the original weights in
numpy. Their vectors are close but not equal, so each has a vector space of its own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Hidden = Callable[[Sequence[int]], Vector]

DIMENSION: Final = 384
MAX_TOKENS: Final = 256
LAYERS: Final = 6
HEADS: Final = 12
LAYER_NORM_EPSILON: Final = 1e-12


class TextTooLongError(ValueError):
    """A text has more tokens than the model takes, and truncation was not asked for."""


@dataclass(frozen=True, slots=True)
class Embedder:
    """Text to vector: tokenise, run `hidden` (token ids -> one row per token), average."""

    tokenizer: Any
    hidden: Hidden

    def tokens(self, text: str, *, truncate: bool) -> list[int]:
        """Return the token ids with [CLS] and [SEP], at most `MAX_TOKENS`.

        Raises:
            TextTooLongError: there are more, and `truncate` is false.
        """
        ids: list[int] = self.tokenizer.encode(text).ids
        if len(ids) > MAX_TOKENS and not truncate:
            raise TextTooLongError(
                f"a text must have at most {MAX_TOKENS} tokens, this one has {len(ids)}"
            )
        return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]

    def embed(self, ids: Sequence[int], *, normalize: bool = True) -> Vector:
        """Return `DIMENSION` floats: the mean of the tokens' rows, of length 1 if normalised.

        Texts are computed one at a time, so no text's vector depends on its batch.
        """
        mean: Vector = self.hidden(ids).mean(axis=0)
        return mean / np.float32(np.linalg.norm(mean)) if normalize else mean


def load_int8(model: Path, tokenizer: Path, threads: int) -> Embedder:
    """Load the int8 ONNX weights (0.1 s)."""
    runtime: Any = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = runtime.InferenceSession(
        str(model), sess_options=options, providers=["CPUExecutionProvider"]
    )

    def hidden(ids: Sequence[int]) -> Vector:
        row = np.asarray([ids], dtype=np.int64)
        feeds = {
            "input_ids": row,
            "attention_mask": np.ones_like(row),
            "token_type_ids": np.zeros_like(row),
        }
        states: Vector = session.run(["last_hidden_state"], feeds)[0][0]
        return states

    return Embedder(_tokenizer(tokenizer), hidden)


def load_fp32(model: Path, tokenizer: Path, threads: int) -> Embedder:
    """Load the fp32 weights (0.1 s). Limits numpy to `threads` for the whole process."""
    import_module("threadpoolctl").threadpool_limits(limits=threads, user_api="blas")
    weights: Mapping[str, Vector] = import_module("safetensors.numpy").load_file(model)
    return Embedder(_tokenizer(tokenizer), lambda ids: bert_hidden(weights, ids))


def _tokenizer(path: Path) -> Any:
    tokenizer = import_module("tokenizers").Tokenizer.from_file(str(path))
    # The file pads and cuts every text to 128 tokens, silently.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def bert_hidden(weights: Mapping[str, Vector], ids: Sequence[int]) -> Vector:
    """Run BERT's encoder over one text: ids (n) -> last hidden states (n, 384)."""
    states = (
        weights["embeddings.word_embeddings.weight"][np.asarray(ids)]
        + weights["embeddings.position_embeddings.weight"][: len(ids)]
        + weights["embeddings.token_type_embeddings.weight"][0]
    )
    states = _layer_norm(weights, "embeddings.LayerNorm", states)
    for layer in range(LAYERS):
        states = _encode(weights, f"encoder.layer.{layer}.", states)
    return states


def _encode(weights: Mapping[str, Vector], at: str, states: Vector) -> Vector:
    attended = _dense(weights, at + "attention.output.dense", _attend(weights, at, states))
    states = _layer_norm(weights, at + "attention.output.LayerNorm", states + attended)
    inner = _gelu(_dense(weights, at + "intermediate.dense", states))
    outer = _dense(weights, at + "output.dense", inner)
    return _layer_norm(weights, at + "output.LayerNorm", states + outer)


def _attend(weights: Mapping[str, Vector], at: str, states: Vector) -> Vector:
    size = DIMENSION // HEADS
    query, key, value = (
        _dense(weights, f"{at}attention.self.{part}", states)
        .reshape(-1, HEADS, size)
        .transpose(1, 0, 2)
        for part in ("query", "key", "value")
    )
    scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(size))
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = (scores / scores.sum(axis=-1, keepdims=True)) @ value
    joined: Vector = mixed.transpose(1, 0, 2).reshape(-1, DIMENSION)
    return joined


def _dense(weights: Mapping[str, Vector], name: str, states: Vector) -> Vector:
    product: Vector = states @ weights[f"{name}.weight"].T
    return product + weights[f"{name}.bias"]


def _layer_norm(weights: Mapping[str, Vector], name: str, states: Vector) -> Vector:
    centred = states - states.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + LAYER_NORM_EPSILON)
    scaled: Vector = centred / spread * weights[f"{name}.weight"]
    return scaled + weights[f"{name}.bias"]


def _gelu(x: Vector) -> Vector:
    """Return x Φ(x), the exact form.

    numpy has no erf: Abramowitz and Stegun's 7.1.26 is within 1.5e-7 of it, which is
    float32's own precision.
    """
    z = np.abs(x) * np.float32(np.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = np.zeros_like(t)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = (series + np.float32(factor)) * t
    erf = np.copysign(1 - series * np.exp(-z * z), x)
    gelu: Vector = x * (1 + erf) / 2
    return gelu
