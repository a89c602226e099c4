import numpy as np
import pytest

from keras_kd.data import load_source
from keras_kd.data.held_out import HeldOut


def test_every_image_is_on_one_side():
    source = load_source("digits")
    halves = HeldOut(source, "train[:100]", share=0.2, seed=3)
    held, rest = halves.split("held_out"), halves.split("learned_from")
    assert (
        (held.num_examples, rest.num_examples)
        == (20, 80)
        == tuple(halves.counts[name] for name in ("held_out", "learned_from"))
    )
    ids = np.sort(np.concatenate([held.ids, rest.ids]))
    np.testing.assert_array_equal(ids, np.sort(source.split("train[:100]").ids))
    again = HeldOut(source, "train[:100]", share=0.2, seed=3).split("held_out")
    np.testing.assert_array_equal(again.ids, held.ids)
    other = HeldOut(source, "train[:100]", share=0.2, seed=4).split("held_out")
    assert not np.array_equal(other.ids, held.ids)


def test_images_go_with_their_labels():
    source = load_source("digits")
    held = HeldOut(source, "train", seed=1).split("held_out")
    whole = source.split("train")
    place = {int(number): i for i, number in enumerate(whole.ids)}
    rows = [place[int(number)] for number in held.ids[:5]]
    np.testing.assert_array_equal(held.fetch(range(5)), whole.fetch(rows))
    np.testing.assert_array_equal(held.labels[:5], whole.labels[rows])


def test_nothing_to_hold_out():
    with pytest.raises(ValueError, match=r"Received: share=0\.2 of 2 images"):
        HeldOut(load_source("digits"), "train[:2]")
