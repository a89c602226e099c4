"""What benchmarks/step_tables.py makes of the measurements of a step."""

import json

import pytest
import step_tables
import summary


def part(**seconds):
    """A measured part of case (a), as benchmarks/step.py writes it."""
    peers = {
        name: {"seconds": {"median": median}, "seconds_to_first_step": 40.4}
        for name, median in seconds.items()
    }
    return {"cases": {"a": {"peers": {**peers, "torch": {"error": "exit code 1"}}}}}


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Writes parts where the script looks for them, and gives the page that it fills."""
    (tmp_path / "results.md").write_text("<!-- step: begin -->\n<!-- step: end -->\n")
    monkeypatch.setattr(step_tables, "RESULTS", tmp_path)
    monkeypatch.setattr(summary, "DOCS", tmp_path)
    first = part(keras_kd=2.0, distiller=3.0)
    second = part(keras_kd=4.0, distiller_onednn=5.0)
    for name, one in (("step_a", first), ("step_a_more", second)):
        (tmp_path / f"{name}.json").write_text(json.dumps(one))
    step_tables.main()
    return summary.between(tmp_path / "results.md", "step")


def test_seconds_are_of_the_first_part_that_has_the_peer(page):
    assert "| keras-kd, live teacher | 2.000 |" in page
    assert "| Keras `Distiller`, oneDNN | 5.000 |" in page
    assert "| keras-kd, live teacher | 40 |" in page


def test_ratios_are_of_peers_that_took_turns(page):
    assert "| Keras `Distiller` / keras-kd, live teacher | 1.50 |" in page
    assert "| Keras `Distiller`, oneDNN / keras-kd, live teacher | 1.25 |" in page


def test_a_peer_that_failed_is_a_dash(page):
    assert f"| PyTorch, eager |{f' {summary.NOTHING} |' * 4}" in page


def test_the_page_has_its_place():
    assert summary.between(summary.DOCS / "results.md", "step")
