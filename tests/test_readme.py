"""The README's code runs as shown, and its commands exist."""

import re
import shutil
from pathlib import Path

import pytest

from keras_kd.export import summary_table

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
GUIDE = (REPOSITORY / "docs" / "guide.md").read_text(encoding="utf-8")


def blocks(text):
    return re.findall(r"```python\n(.*?)```", text, re.S)


def test_the_python_blocks_run_in_order(tmp_path, monkeypatch):
    """The README's example, and those of the guide's own loop."""
    monkeypatch.chdir(tmp_path)
    loop, recipe = blocks(README)
    own = blocks(GUIDE.partition("## My own loop")[2])
    assert len(own) == 2
    names = {}
    for block in [loop, *own]:
        exec(compile(block, "README.md", "exec"), names)
    assert (tmp_path / "student.keras").exists()
    # That one needs files: test_guide runs it.
    assert recipe in blocks(GUIDE)


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 130


def test_the_example_has_ten_statements_at_most():
    first = re.search(r"```python\n(.*?)```", README, re.S)[1]
    lines = [line for line in first.splitlines() if line and not line.startswith("import")]
    assert len(lines) <= 10


def links(page):
    """(page, where a link of its prose leads) for each one within the project."""
    prose = re.sub(r"```.*?```", "", (REPOSITORY / page).read_text(encoding="utf-8"), flags=re.S)
    return [(page, path) for path in re.findall(r"\]\((?!http)([^)#]+)\)", prose)]


@pytest.mark.parametrize(("page", "path"), [*links("README.md"), *links("docs/guide.md")])
def test_links_lead_somewhere(page, path):
    assert ((REPOSITORY / page).parent / path).exists()


def test_the_first_two_commands_are_make_targets():
    first = re.search(r"```\n(.*?)```", README, re.S)[1].split("\n")[:2]
    assert first == ["make demo", "make test"]
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{line.split()[1]}:", makefile, re.M) for line in first)


@pytest.mark.parametrize(
    ("page", "result"),
    [
        ("README.md", "digits"),
        ("docs/results.md", "digits"),
        ("docs/results.md", "grocery_store"),
        ("docs/results.md", "small_bit"),
    ],
)
def test_printed_tables_are_those_of_the_measured_runs(page, result, tmp_path):
    """benchmarks/results holds the report.json of each run whose table a page shows."""
    measured = REPOSITORY / "benchmarks" / "results" / f"{result}.json"
    shutil.copy(measured, tmp_path / "report.json")
    table = summary_table(tmp_path)
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    for line in table.splitlines():
        assert line.rstrip() in text
