"""What simulated models are told to be: the profile file, and how it changes over time.

Pure but for reading the file. A profile is TOML: a list `models`, each a `SimModel`. Every key is
checked; an unknown key or a value out of range is refused with the file and the key named.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

Probability = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=3600)]
Count = Annotated[int, Meta(ge=1)]
ErrorStatus = Annotated[int, Meta(ge=400, le=599)]
Protocol = Literal["tgi", "tei", "openai"]
Patch = Mapping[str, Any]
T = TypeVar("T")

FAULT_RATES = ("error_rate", "hang_rate", "garbage_rate", "truncate_rate")
FIXED = frozenset({"name", "protocol", "seed", "changes"})
TRIGGERS = ("after_s", "after_requests")
DATA = Path(__file__).parents[1] / "data"


class ProfileError(ValueError):
    """A profile that can't be used; the message names the file (if any) and the key."""


class Latency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Service time in seconds when nothing else runs: lognormal, or constant without `p95_s`."""

    median_s: Seconds
    p95_s: Seconds | None = None

    def __post_init__(self) -> None:
        """Refuse a p95 that no lognormal with this median has."""
        if self.p95_s is not None and not 0 < self.median_s <= self.p95_s:
            raise ValueError("latency needs 0 < median_s <= p95_s")


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that may change while a simulated model runs.

    `accuracy`: chance of a right answer, one number or one per task (`default` for the rest, else
    1). `first_token_share`: part of the service time before the first streamed token.
    `tokens_per_s`: adds (generated tokens / rate) seconds; 0 adds nothing.
    `max_concurrent_requests`: above it the model answers 429 "overloaded" (an embedding batch
    counts once per input, as TEI counts). `slowdown_per_request`: each other request in service
    adds this share of the drawn latency. Of the four fault rates at most one fault strikes a
    request: `error` (a status of `error_statuses`), `hang` (no answer until the client leaves),
    `garbage` (200 with a body that is not an answer), `truncate` (connection cut in mid-body).
    `retry_after_s` goes out as the Retry-After header of 429 and 503. `healthy` is what
    GET /health says. `dimension` makes an `openai` model serve embeddings too; for `tei` 0 means
    384. Models with the same `vector_space` (default: the model's name) and dimension give
    comparable vectors. Token limits are the protocol's own validation.
    """

    accuracy: Probability | dict[str, Probability] = 1.0
    latency: Latency = Latency(median_s=0.02)
    first_token_share: Probability = 0.3
    tokens_per_s: Annotated[float, Meta(ge=0)] = 0.0
    max_concurrent_requests: Count = 128
    slowdown_per_request: Annotated[float, Meta(ge=0)] = 0.0
    error_rate: Probability = 0.0
    error_statuses: Annotated[tuple[ErrorStatus, ...], Meta(min_length=1)] = (500,)
    hang_rate: Probability = 0.0
    garbage_rate: Probability = 0.0
    truncate_rate: Probability = 0.0
    retry_after_s: Annotated[int, Meta(ge=0)] | None = None
    healthy: bool = True
    dimension: Annotated[int, Meta(ge=0, le=8192)] = 0
    vector_space: str = ""
    model_id: str = ""
    max_input_tokens: Count = 4096
    max_total_tokens: Count = 8192

    def __post_init__(self) -> None:
        """Refuse fault rates that together exceed certainty."""
        if sum(getattr(self, rate) for rate in FAULT_RATES) > 1 + 1e-9:
            raise ValueError(f"{' + '.join(FAULT_RATES)} must not exceed 1")


class SimModel(Behaviour, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One simulated model: what it is, how it behaves, and how that changes.

    `changes` are applied strictly in the order listed (a later one waits for the earlier), each as
    soon as its `after_s` (seconds since the start) or `after_requests` (calls answered or being
    answered) is reached; all its other keys replace those of the behaviour.
    """

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    protocol: Protocol
    seed: int = 0
    changes: tuple[dict[str, Any], ...] = ()


class _Trigger(msgspec.Struct, frozen=True, kw_only=True):
    after_s: Annotated[float, Meta(ge=0)] | None = None
    after_requests: Annotated[int, Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        if (self.after_s is None) == (self.after_requests is None):
            raise ValueError("a change needs exactly one of after_s, after_requests")

    def reached(self, elapsed_s: float, requests: int) -> bool:
        if self.after_s is not None:
            return elapsed_s >= self.after_s
        return self.after_requests is not None and requests >= self.after_requests


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    models: Annotated[tuple[SimModel, ...], Meta(min_length=1)]


def accuracy_of(behaviour: Behaviour, task: str) -> float:
    """Chance of a right answer for `task` ("" when the prompt names none)."""
    if isinstance(behaviour.accuracy, dict):
        return behaviour.accuracy.get(task, behaviour.accuracy.get("default", 1.0))
    return behaviour.accuracy


def merge(model: SimModel, patch: Patch) -> SimModel:
    """`model` with `patch` merged in as JSON (RFC 7396: null resets a key to its default).

    Raises `ProfileError` for an unknown, unchangeable or out-of-range key, or when a change still
    to come would be invalid on top of it. Nothing is changed then.
    """
    for key in patch:
        if key in FIXED:
            raise ProfileError(f"{key}: can't be changed")
    merged = _decode(_merged(msgspec.to_builtins(model), patch), SimModel)
    for _ in _states(merged):
        pass
    return merged


def advance(model: SimModel, elapsed_s: float, requests: int) -> SimModel:
    """`model` after every change that is due; the changes applied are no longer in it."""
    while model.changes:
        trigger, patch = _split(model.changes[0])
        if not trigger.reached(elapsed_s, requests):
            break
        model = _step(model, patch)
    return model


def load_profiles(path: Path) -> list[SimModel]:
    """The models of a profile file, all changes checked too.

    Raises `ProfileError`, naming file and key, also for a file that can't be read.
    """
    try:
        models = msgspec.toml.decode(path.read_bytes(), type=_File).models
        _check(models)
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror or error}") from error
    except msgspec.ValidationError as error:
        raise ProfileError(f"{path}: {_located(error)}") from error
    except ProfileError as error:
        raise ProfileError(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:  # integers of 5000 digits, lists 5000 deep
        raise ProfileError(f"{path}: not TOML: {error}") from error
    return list(models)


def bundled_profile(name: str) -> Path:
    """The path of a profile that comes with the package: `demo` or `faults`.

    Raises `ProfileError` that lists the names there are.
    """
    path = DATA / f"sim-{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem.removeprefix("sim-") for p in DATA.glob("sim-*.toml")))
        raise ProfileError(f"no bundled profile {name!r} (there are: {known})")
    return path


def _check(models: tuple[SimModel, ...]) -> None:
    names = [model.name for model in models]
    for index, model in enumerate(models):
        if model.name in names[:index]:
            raise ProfileError(f"models[{index}].name: {model.name!r} is there twice")
        try:
            for _ in _states(model):
                pass
        except ProfileError as error:
            raise ProfileError(f"models[{index}].{error}") from error


def _states(model: SimModel) -> Iterator[SimModel]:
    """Every state that the changes lead through: what makes a later `advance` safe."""
    for index, change in enumerate(model.changes):
        try:
            model = _step(model, _split(change)[1])
        except ProfileError as error:
            raise ProfileError(f"changes[{index}]: {error}") from error
        yield model


def _step(model: SimModel, patch: Patch) -> SimModel:
    for key in patch:
        if key in FIXED:
            raise ProfileError(f"{key}: can't be changed")
    raw = _merged(msgspec.to_builtins(model), patch)
    return _decode(raw | {"changes": model.changes[1:]}, SimModel)


def _split(change: Patch) -> tuple[_Trigger, Patch]:
    trigger = _decode({k: change[k] for k in TRIGGERS if k in change}, _Trigger)
    return trigger, {k: v for k, v in change.items() if k not in TRIGGERS}


def _decode(raw: Any, into: type[T]) -> T:
    try:
        return msgspec.convert(raw, into)
    except msgspec.ValidationError as error:
        raise ProfileError(_located(error)) from error


def _located(error: msgspec.ValidationError) -> str:
    """`message - at `$.a.b`` turned into `a.b: message`."""
    text, _, where = str(error).partition(" - at `$")
    key = where.rstrip("`").lstrip(".")
    return f"{key}: {text}" if key else text


def _merged(raw: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    # One number stands for every task; a patch of some tasks leaves it to the others.
    base = dict(raw) if isinstance(raw, Mapping) else {}
    if isinstance(raw, float):
        base = {"default": raw}
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        else:
            base[key] = _merged(base.get(key), value)
    return base
