"""What benchmarks/cached.py makes of its measurements."""

import cached
import summary


def one(accuracy, rate=None, **more):
    return {"accuracy": accuracy, **({"images_per_second": rate} if rate else {}), **more}


def test_the_table_compares_within_a_seed_and_times_idle_seeds_only():
    runs = [
        {cached.LIVE: one(0.99, 1000), "float16 targets": one(0.98, 2500, bytes_per_image=24)},
        {cached.LIVE: one(0.97), "float16 targets": one(0.98, bytes_per_image=24)},
    ]
    text = cached.results_table(runs)
    # Two seeds: Student's t is 12.706, the standard errors 0.01 and 0.
    assert f"| live teacher | 98.00 ± 12.71 | {summary.NOTHING} | 1,000 |" in text
    assert "| float16 targets | 98.00 ± 0.00 | +0.00 ± 12.71 | 2,500 | 24 |" in text


def test_the_page_has_its_place():
    assert summary.between(summary.DOCS / "results.md", "cached")
