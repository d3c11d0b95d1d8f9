"""Where a setting comes from: the TOML file, variables, flags; and errors that say so."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any, get_args, get_origin

import msgspec

from streams.table_check import SettingsError

VARIABLE_PREFIX = "ZETA_"
NOT_SETTINGS = frozenset(
    {"ZETA_CONFIG", "ZETA_DATA", "ZETA_HOME", "ZETA_LOG_FORMAT", "ZETA_REPLICA"}
)
"""Variables that other parts read: the file to load, directories, a process's own name."""

_SECRETS = (
    ("archive", "redact_key_variable"),
    ("kafka", "password_variable"),
    ("kafka", "key_password_variable"),
)

Path = tuple[str, ...]
"""A key in parts: a model's name may itself hold dots."""


def read_toml(path: FilePath) -> dict[str, Any]:
    """The file's tables; a byte order mark is ignored.

    Raises:
        SettingsError: it can't be read, or isn't TOML (with line and column).
    """
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise SettingsError(str(path), "", f"can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(str(path), "", f"is not valid TOML: {error}") from error


def apply_overrides(
    raw: MutableMapping[str, Any],
    environment: Mapping[str, str],
    flags: Mapping[str, str],
    root: type[msgspec.Struct],
) -> dict[str, str]:
    """Puts variables, then flags, into ``raw``; returns each overridden key's source.

    ``raw`` has tables where ``root`` has them (``check_sections``).

    Raises:
        SettingsError: a ``ZETA_…`` variable or a flag that names no setting, or more than one.
    """
    origin: dict[str, str] = {}
    if bootstrap := environment.get("KAFKA_BOOTSTRAP"):
        _put(raw, ("kafka", "bootstrap"), bootstrap)
        origin["kafka.bootstrap"] = "KAFKA_BOOTSTRAP"
    settings = dict(_settings(root, raw))
    for variable, path in _named(environment, raw, settings):
        _put(raw, path, _value(environment[variable], settings[path]))
        origin[".".join(path)] = variable
    for key, text in flags.items():
        path = _path(key, raw, root)
        _put(raw, path, _value(text, settings.get(path)))
        origin[key] = "--set"
    return origin


def _named(
    environment: Mapping[str, str], raw: Mapping[str, Any], settings: Iterable[Path]
) -> Iterator[tuple[str, Path]]:
    """Each variable that is ours, with the one setting that it names."""
    named: dict[str, list[Path]] = defaultdict(list)
    for path in settings:
        named[_variable(path)].append(path)
    others = NOT_SETTINGS | _token_variables(raw, environment)
    for variable in sorted(environment):
        if not variable.startswith(VARIABLE_PREFIX) or variable in others:
            continue
        paths = named.get(variable, [])
        if not paths:
            raise SettingsError(variable, "", _names_nothing(variable, raw, named))
        if len(paths) > 1:
            both = " and ".join(".".join(path) for path in paths)
            raise SettingsError(variable, "", f"names both {both}; set them in the file")
        yield variable, paths[0]


def _token_variables(raw: Mapping[str, Any], environment: Mapping[str, str]) -> set[str]:
    """The variables that hold a token or a key, which may be called ZETA_… too."""
    found = set()
    for section, key in _SECRETS:
        setting = _variable((section, key))
        found.add(str(environment.get(setting, raw.get(section, {}).get(key))))
    for name, model in raw.get("models", {}).items():
        setting = _variable(("models", name, "token_variable"))
        found.add(str(environment.get(setting, model.get("token_variable"))))
    return found


def _names_nothing(variable: str, raw: Mapping[str, Any], named: Iterable[str]) -> str:
    for section in ("models", "tasks"):
        if variable.startswith(_variable((section, ""))):
            names = ", ".join(raw.get(section, {})) or "none"
            form = _variable((section, "<NAME>", "<KEY>"), keep="<>")
            known = f"it is {form}, and the {section} in the file are: {names}"
            break
    else:
        known = "it is ZETA_<SECTION>_<KEY>"
    near = get_close_matches(variable, named, n=1)
    return f"names no setting; {f'did you mean {near[0]}? ' if near else ''}{known}"


def _path(key: str, raw: Mapping[str, Any], root: type[msgspec.Struct]) -> Path:
    """``models.llama-3.1.endpoint`` is three parts; an unknown section's error comes later."""
    section, _, rest = key.partition(".")
    if not rest:
        raise SettingsError("--set", key, "write it as section.key=value")
    if section not in {row.name for row in _tables_by_name(root)}:
        return (section, rest)
    names = raw.get(section, {})
    # The longest, since one name may be another's beginning: llama-3 and llama-3.1.
    fitting = [name for name in names if rest.startswith(f"{name}.")]
    if not fitting:
        known = ", ".join(names) or "none"
        problem = f"write it as {section}.<name>.<key>=value; the {section} in the file are"
        raise SettingsError("--set", key, f"{problem}: {known}")
    name = max(fitting, key=len)
    field = rest.removeprefix(f"{name}.")
    if field.startswith("prior."):
        return (section, name, "prior", field.removeprefix("prior."))
    return (section, name, field)


def _value(text: str, annotation: Any) -> Any:
    """TOML's reading of the text where it has one (numbers, booleans, lists), else the text.

    A setting that is text takes the text as it stands, so ``1`` can be a prefix.
    """
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    value = table.pop("value")
    # A line break could have begun another key.
    if table or (_is_text(annotation) and not isinstance(value, str)):
        return text
    return value


def _is_text(annotation: Any) -> bool:
    kind = msgspec.inspect.type_info(annotation) if annotation is not None else None
    return isinstance(kind, msgspec.inspect.StrType | msgspec.inspect.LiteralType)


def _put(raw: MutableMapping[str, Any], path: Path, value: Any) -> None:
    for part in path[:-1]:
        raw = raw.setdefault(part, {})
        if not isinstance(raw, dict):  # reported when the whole is checked
            return
    raw[path[-1]] = value


def _variable(path: Path, keep: str = "") -> str:
    return VARIABLE_PREFIX + re.sub(f"[^A-Z0-9{keep}]", "_", "_".join(path).upper())


def _tables_by_name(root: type[msgspec.Struct]) -> list[msgspec.structs.FieldInfo]:
    fields = msgspec.structs.fields(root)
    return [field for field in fields if get_origin(field.type) is dict]


def _settings(root: type[msgspec.Struct], raw: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Every setting's path, for the names that the file has, and its type."""
    by_name = {row.name for row in _tables_by_name(root)}
    for section in msgspec.structs.fields(root):
        if section.name in by_name:
            kind = get_args(section.type)[1]
            prefixes: list[Path] = [(section.name, name) for name in raw.get(section.name, {})]
        else:
            kind, prefixes = section.type, [(section.name,)]
        for row in msgspec.structs.fields(kind):
            yield from (((*prefix, row.name), row.type) for prefix in prefixes)
