"""What is drawn for kinds of RandAugment, by counts; what is done, by Pillow."""

import numpy as np
import pillow_changes
import pytest
import scipy.stats
import tensorflow as tf

from keras_kd.data import changes
from keras_kd.data.random_streams import Stream

SIZES = np.full((4000, 2), 8, np.int32)
TABLE = {"invert": lambda level, sign: level, "rotate": lambda level, sign: sign * level}


def draw(magnitude, deviation, probability, table=TABLE):
    stream = Stream(0, "student any", tf.constant(3, tf.int64))
    drawn = changes.draw(table, 2, magnitude, deviation, probability, SIZES, stream)
    return drawn["which"].numpy(), drawn["strength"].numpy()


def test_each_change_is_as_probable_and_both_signs_are():
    which, strength = draw(7.0, 0.0, 1.0)
    names = np.array(list(changes.CHANGES))[which]
    assert set(names.ravel()) == {"invert", "rotate"}
    assert scipy.stats.binomtest(int((names == "rotate").sum()), names.size).pvalue > 1e-3
    assert (strength[names == "invert"] == 7).all()
    turned = strength[names == "rotate"]
    assert set(turned) == {-7.0, 7.0}
    assert scipy.stats.binomtest(int((turned > 0).sum()), turned.size).pvalue > 1e-3
    # One after the other, and none looks at the other.
    table = scipy.stats.contingency.crosstab(names[:, 0], names[:, 1]).count
    assert scipy.stats.chi2_contingency(table).pvalue > 1e-3


def test_with_half_the_probability_half_are_made():
    which, _ = draw(7.0, 0.0, 0.5)
    left = which == list(changes.CHANGES).index(changes.IDENTITY)
    assert scipy.stats.binomtest(int(left.sum()), left.size).pvalue > 1e-3


def test_magnitudes_are_normal_and_end_at_the_scales_ends():
    _, strength = draw(7.0, 0.5, 1.0, {"invert": lambda level, sign: level})
    assert scipy.stats.kstest(strength.ravel(), "norm", args=(7.0, 0.5)).pvalue > 1e-3
    _, strength = draw(9.0, 3.0, 1.0, {"invert": lambda level, sign: level})
    assert strength.max() == 10.0
    assert np.mean(strength == 10.0) == pytest.approx(scipy.stats.norm.sf(1 / 3), abs=0.03)


def test_changes_are_made_in_their_order():
    image = pillow_changes.photograph(12)
    names = list(changes.CHANGES)
    for order in (("invert", "solarize_add"), ("solarize_add", "invert")):
        drawn = {"which": tf.constant([names.index(name) for name in order])}
        got = changes.apply(tf.constant(image), drawn | {"strength": tf.constant([50.0, 50.0])})
        want = image
        for name in order:
            want = pillow_changes.change(name, want, 50)
        np.testing.assert_array_equal(got, want)


def test_pillow_has_all_of_them():
    assert list(changes.CHANGES) == list(pillow_changes.CHANGES)
