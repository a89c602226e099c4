"""Files of students in few bits: ranges that were trained, or measured where none were."""

import numpy as np
import pytest
from rounded import outputs_of, pictures, varied
from shrunk import residual

from keras_kd import models
from keras_kd.export import few_bits, lite_file
from keras_kd.export.conversion import float_tensors
from keras_kd.models import quantize_aware
from keras_kd.models.wrap.unquantize import has_ranges, kernels

SHAPE = (8, 8, 3)


@pytest.fixture(scope="module")
def model():
    return varied(residual(), SHAPE)


def refuse():
    raise AssertionError("no image is needed")


def test_trained_ranges_need_no_images(model):
    trained = quantize_aware(model, 4, images=pictures(16, SHAPE))
    assert few_bits.known_ranges(trained, refuse) is trained
    assert few_bits.in_int4(trained, refuse) is trained and few_bits.is_in_int4(trained)


def test_ranges_are_measured_where_activations_were_floats(model):
    trained = quantize_aware(model, 4, activations=None)
    found = few_bits.known_ranges(trained, lambda: pictures(16, SHAPE))
    assert has_ranges(found) and not has_ranges(trained)
    for one, other in zip(kernels(found), kernels(trained)):
        np.testing.assert_array_equal(one.whole()[0], other.whole()[0])


@pytest.mark.parametrize("bits", [None, 8])
def test_a_student_of_more_bits_is_rounded_to_four(model, bits):
    images = pictures(16, SHAPE)
    student = model if bits is None else quantize_aware(model, bits, images=images)
    found = few_bits.in_int4(student, lambda: images)
    assert not few_bits.is_in_int4(student) and few_bits.is_in_int4(found)
    assert [layer.bits for layer in kernels(found)] == [8, 4, 4, 8]


def test_probabilities_have_the_steps_of_a_softmax(model):
    trained, x = quantize_aware(model, images=pictures(16, SHAPE)), pictures(8, SHAPE, seed=1)
    content = few_bits.converted(trained, None, "int8", "probabilities")
    answers, step = outputs_of(content, x)
    logits = trained(x).numpy()
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert step == 1 / 256 and float_tensors(content) == []
    np.testing.assert_allclose(answers, expected, atol=4 / 256)


def test_what_stays_in_float_is_told():
    images = pictures(16, (16, 16, 3))
    bit = models.bit_resnet((1,), 0.25, 3, (16, 16, 3), small_root=True)
    content = few_bits.converted(quantize_aware(bit, images=images), None, "int8", "logits")
    floats = float_tensors(content)
    assert floats and "norms" in few_bits.fallback(content, floats)
    # Convolutions, sums and the classifier are integers.
    assert {"CONV_2D", "FULLY_CONNECTED", "RSQRT"} <= set(lite_file.operators(content))
    kinds = ("conv", "proj", "logits", "stage1")
    assert not [name for name in floats if name.split("/")[-1].startswith(kinds)]
    assert few_bits.fallback(content, []) is None
