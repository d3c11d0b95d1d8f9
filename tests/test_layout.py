"""The packages are top-level folders: what is imported must be what is here."""

import tomllib
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP_LEVEL = ("schemas", "streams", "agents")


@pytest.mark.parametrize("package", TOP_LEVEL)
def test_no_other_distribution_shadows_a_package(package: str) -> None:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    owners = sorted(set(packages_distributions().get(package, [])) - {"zeta-router"})
    assert Path(spec.origin).is_relative_to(ROOT), (
        f"{package} is imported from {spec.origin}, not from {ROOT}: "
        f"uninstall {' or '.join(owners) or 'what put it there'}"
    )
    assert not owners, f"{package} also comes with {', '.join(owners)}: uninstall it"


def test_every_package_is_listed_in_the_build() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = set(project["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in TOP_LEVEL
        for path in (ROOT / top).rglob("__init__.py")
    }
    assert listed == found


def test_every_data_file_is_in_the_build() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]
    for package, globs in patterns.items():
        folder = ROOT.joinpath(*package.split("."))
        for pattern in globs:
            assert list(folder.glob(pattern)), f"{package}: nothing matches {pattern}"
    data = {path for top in TOP_LEVEL for path in (ROOT / top).rglob("*") if path.is_file()}
    built = {
        path
        for package, globs in patterns.items()
        for pattern in globs
        for path in ROOT.joinpath(*package.split(".")).glob(pattern)
    }
    left_out = [path for path in data - built if path.suffix not in (".py", ".pyc")]
    assert not left_out
