"""A worker's share of a stream of batches: its rows, its outputs, its limits."""

import pytest

from keras_kd.data.share import Share, split_options
from keras_kd.data.views import Views


@pytest.mark.parametrize("num_workers", [1, 2, 3, 6])
def test_the_shares_are_the_batch(num_workers):
    shares = [Share(6, 8, worker_index=w, num_workers=num_workers) for w in range(num_workers)]
    assert [row for share in shares for row in share.rows] == list(range(6))
    assert {len(share.rows) for share in shares} == {6 // num_workers}


@pytest.mark.parametrize(
    "mode,options,want",
    [
        ("mix", {}, {"image": ("student", 8)}),
        ("mix", {"teacher_resolution": 8}, {"image": ("student", 8)}),
        (
            "same/rc",
            {"teacher_resolution": 12},
            {"student": ("student", 8), "teacher": ("student", 12)},
        ),
        ("ind/ic", {}, {"student": ("student", 8), "teacher": ("teacher", 8)}),
        (
            "ind/ic",
            {"teacher_resolution": 12},
            {"student": ("student", 8), "teacher": ("teacher", 12)},
        ),
        ("ind/ic", {"teacher_view": False, "teacher_resolution": 12}, {"image": ("student", 8)}),
        ("fix/cc", {"teacher_resolution": 12}, {"student": ("student", 8)}),
    ],
)
def test_which_images_a_batch_holds(mode, options, want):
    found = Share(4, 8, **options).outputs(Views.of_mode(mode))
    assert found == {key: (*one, None) for key, one in want.items()}  # of no modality


@pytest.mark.parametrize("name", ["batch_size", "resolution", "num_workers", "num_steps"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True, "3"])
def test_counts_are_whole_numbers(name, value):
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1. Received:"):
        Share(**({"batch_size": 4, "resolution": 8} | {name: value}))


def test_an_unknown_option_is_refused_with_the_nearest():
    assert split_options({"a": 1, "b": 2}, ("b",), ("a", "c")) == [{"b": 2}, {"a": 1}]
    with pytest.raises(ValueError, match=r"Received: worker_idx=3\. Did you mean 'worker_index'\?"):
        split_options({"worker_idx": 3}, ("flip",), ("worker_index", "num_workers"))
