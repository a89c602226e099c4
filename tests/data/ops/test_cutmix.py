"""CutMix against the paper's distribution and boxes by hand."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from keras_kd.data.ops.cutmix import Cutmix
from keras_kd.data.random_streams import Stream


def draw(op, step):
    return op.draw(Stream(0, "cutmix", tf.cast(step, tf.int64)))


def box(top, left, bottom, right, kept=False):
    return {"edges": tf.constant([[top, left], [bottom, right]]), "kept": tf.constant(kept)}


def test_a_box_of_the_partner_by_hand():
    image, partner = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")
    want = image.copy()
    want[2:5, 1:4] = partner[2:5, 1:4]
    got = Cutmix(lines=8).apply(tf.constant(image), tf.constant(partner), box(2, 1, 5, 4))
    np.testing.assert_array_equal(got, want)
    assert float(Cutmix(lines=8).share(box(2, 1, 5, 4))) == 1 - 9 / 64


def test_of_a_box_of_more_than_half_the_image_keeps_the_inside():
    image, partner = np.random.default_rng(0).uniform(-1, 1, (2, 8, 8, 3)).astype("float32")
    want = partner.copy()
    want[:7, :7] = image[:7, :7]
    drawn = box(0, 0, 7, 7, kept=True)
    got = Cutmix(lines=8).apply(tf.constant(image), tf.constant(partner), drawn)
    np.testing.assert_array_equal(got, want)
    assert float(Cutmix(lines=8).share(drawn)) == 49 / 64
    drawn = (draw(Cutmix(), step) for step in range(200))
    assert {bool(one["kept"]) for one in drawn} == {True, False}


@pytest.mark.parametrize("side", [32, 64, 96, 160, 224])
def test_pixels_are_of_one_image_alone_where_lines_lie_between_pixels(side):
    for step in range(30):
        drawn = draw(Cutmix(), step)
        got = Cutmix().apply(tf.ones((side, side, 1)), tf.zeros((side, side, 1)), drawn).numpy()
        assert set(np.unique(got)) <= {0.0, 1.0}
        assert got.mean() == pytest.approx(float(Cutmix().share(drawn)), abs=1e-6)


@pytest.mark.parametrize("side", [8, 50, 300])
def test_elsewhere_pixels_on_an_edge_are_mixed_and_the_share_is_the_same(side):
    for step in range(30):
        drawn = draw(Cutmix(), step)
        got = Cutmix().apply(tf.ones((side, side, 1)), tf.zeros((side, side, 1)), drawn)
        assert np.mean(got) == pytest.approx(float(Cutmix().share(drawn)), abs=1e-5)


def test_another_size_is_cut_at_the_same_places():
    rng = np.random.default_rng(0)
    image, partner = rng.uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    for step in range(10):
        drawn = draw(Cutmix(), step)
        small = Cutmix().apply(tf.constant(image), tf.constant(partner), drawn)
        larger = [tf.repeat(tf.repeat(one, 7, 0), 7, 1) for one in (image, partner)]
        large = Cutmix().apply(*larger, drawn)
        np.testing.assert_array_equal(large[3::7, 3::7], small)
        np.testing.assert_array_equal(large, tf.repeat(tf.repeat(small, 7, 0), 7, 1))


@pytest.mark.parametrize("alpha", [1.0, 0.3])
def test_shares_are_the_papers(alpha):
    """The paper's boxes, in NumPy: a side of sqrt(1 - lambda) about any centre, cut at the rim."""
    count = 1500
    share = tf.function(lambda step: Cutmix(alpha).share(draw(Cutmix(alpha), step)))
    got = [float(share(tf.constant(step, tf.int64))) for step in range(count)]
    rng = np.random.default_rng(0)
    half = 0.5 * np.sqrt(1 - rng.beta(alpha, alpha, count))[:, None]
    centre = rng.uniform(size=(count, 2))
    edges = np.round(np.clip(np.stack([centre - half, centre + half]), 0, 1) * 32)
    covered = (edges[1] - edges[0]).prod(axis=1) / 32**2
    want = np.maximum(covered, 1 - covered)
    assert scipy.stats.ks_2samp(got, want).pvalue > 1e-3
