"""The hash of the contract changes with what decides how rows are written, and only then."""

import shutil
from pathlib import Path

import pytest

from pipelines.lake import libraries
from pipelines.refresh import contract_version
from pipelines.refresh.contract_version import DEFINITIONS, contract_hash, is_made_alike
from tests.factories import manifest


def test_a_version_is_made_alike_under_the_same_contract_and_libraries() -> None:
    alike = {"libraries": libraries(), "contract": contract_hash()}
    assert is_made_alike(manifest(**alike))
    assert not is_made_alike(manifest(**alike | {"contract": ""}))
    assert not is_made_alike(manifest(**alike | {"libraries": libraries() | {"polars": "0"}}))


def test_the_version_of_the_normaliser_is_part_of_the_contract(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = contract_hash()
    monkeypatch.setattr(
        contract_version, "NORMALISER_VERSION", contract_version.NORMALISER_VERSION + 1
    )
    assert contract_hash() != before


@pytest.mark.parametrize("changed", DEFINITIONS)
def test_the_text_of_each_definition_is_part_of_the_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    before, package = contract_hash(), Path(contract_version.__file__).parents[1]
    for name in DEFINITIONS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(package / name, tmp_path / name)
    monkeypatch.setattr(
        contract_version, "__file__", str(tmp_path / "refresh" / "contract_version.py")
    )
    assert contract_hash() == before
    with (tmp_path / changed).open("a") as file:
        file.write("#\n")
    assert contract_hash() != before
