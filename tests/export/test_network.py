"""The student as exporters see it."""

import keras
import pytest
import tensorflow as tf

from keras_kd.export.network import image_shape, logits_of, student_of


def test_an_open_size_is_what_the_caller_says():
    model = keras.Model(image := keras.Input((None, None, 3)), image)
    assert image_shape(model, 8) == (8, 8, 3) and image_shape(model, (8, 6)) == (8, 6, 3)
    with pytest.raises(ValueError, match=r"Received: input_shape=.*Give `resolution` in pixels"):
        image_shape(model)


def test_a_fixed_size_stays(batch_norm_net):
    assert image_shape(batch_norm_net) == image_shape(batch_norm_net, 12) == (12, 12, 3)
    with pytest.raises(ValueError, match="Received: resolution=13"):
        image_shape(batch_norm_net, 13)


def test_other_inputs_are_refused():
    flat = keras.Model(image := keras.Input((4,)), image)
    with pytest.raises(ValueError, match="Expected a model with one image input"):
        image_shape(flat)


def test_logits_by_name_in_float32():
    image = tf.ones([1, 2])
    assert (
        logits_of(lambda x, training: {"logits": tf.cast(x, tf.float16)}, image).dtype == "float32"
    )
    with pytest.raises(ValueError, match=r"Received: outputs=\['a', 'b'\]"):
        logits_of(lambda x, training: {"b": x, "a": x}, image)


def test_of_what_holds_a_student_it_is_taken(batch_norm_net):
    class Holder:
        student = batch_norm_net

    assert student_of(Holder()) is student_of(batch_norm_net) is batch_norm_net
