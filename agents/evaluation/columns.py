"""A Parquet or CSV file's documented columns, as lists."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq


class OutcomesError(ValueError):
    """A file can't be evaluated; one sentence that names the file, the column and the row."""


class Columns:
    """Some columns of one file. Rows are counted from 1, a CSV's heading not among them."""

    def __init__(self, file: str, values: Mapping[str, Sequence[Any]], rows: int) -> None:
        self.file = file
        self.rows = rows
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def error(self, problem: str, row: int | None = None) -> OutcomesError:
        """A refusal of the file, or of its row with this index."""
        where = self.file if row is None else f"{self.file}: row {row + 1}"
        return OutcomesError(f"{where}: {problem}")

    def texts(self, name: str) -> list[str]:
        """A column of names, none of them empty."""
        texts = ["" if value is None else str(value) for value in self._values[name]]
        for row, text in enumerate(texts):
            if not text:
                raise self.error(f"{name} is missing", row)
        return texts

    def optional_texts(self, name: str) -> list[str]:
        """A column of texts; empty where there is none."""
        given = self._values.get(name, [None] * self.rows)
        return ["" if value is None else str(value) for value in given]

    def numbers(self, name: str, most: float = math.inf) -> list[float]:
        """A column of numbers from 0 to ``most``; NaN where there is none."""
        given = self._values.get(name, [None] * self.rows)
        return [self._number(name, row, value, most) for row, value in enumerate(given)]

    def _number(self, name: str, row: int, value: Any, most: float) -> float:
        if value is None or value == "":
            return math.nan
        number = _as_number(value)
        if number is None or not (0 <= number <= most and math.isfinite(number)):
            allowed = "a number that is not negative" if most == math.inf else f"from 0 to {most:g}"
            raise self.error(f"{name} must be {allowed}; got {value!r}", row)
        return number


def _as_number(value: Any) -> float | None:
    truth = {"true": 1.0, "false": 0.0}
    try:
        return truth.get(value.strip().lower()) if _is_truth(value) else float(value)
    except (TypeError, ValueError):
        return None


def _is_truth(value: Any) -> bool:
    return isinstance(value, str) and value.strip().lower() in ("true", "false")


def read_columns(path: Path, required: Sequence[str], optional: Sequence[str]) -> Columns:
    """The named columns of a file: Parquet where it begins as one does, otherwise CSV.

    Raises:
        OutcomesError: it can't be read, has no rows, or lacks a required column.
    """
    try:
        table = _read(path, [*required, *optional])
    except (OSError, pa.ArrowException, UnicodeDecodeError, KeyError) as error:
        said = (getattr(error, "strerror", None) or str(error)).partition("\n")[0]
        raise OutcomesError(f"{path}: can't be read: {said}") from error
    found = Columns(
        str(path),
        {name: table[name].to_pylist() for name in table.column_names},
        table.num_rows,
    )
    missing = [name for name in required if name not in found]
    if missing:
        plural = "columns are" if len(missing) > 1 else "column is"
        needed = f"needed are {', '.join(required)}; optional are {', '.join(optional) or 'none'}"
        raise found.error(f"the {plural} missing: {', '.join(missing)}; {needed}")
    if not found.rows:
        raise found.error("has no rows")
    return found


def _read(path: Path, names: Sequence[str]) -> pa.Table:
    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1"
    if is_parquet:
        parquet = pq.ParquetFile(path)
        return parquet.read([name for name in names if name in parquet.schema_arrow.names])
    as_text = pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    table = pacsv.read_csv(path, convert_options=as_text)
    return table.select([name for name in names if name in table.column_names])
