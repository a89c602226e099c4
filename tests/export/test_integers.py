"""Files of integers: numbers in and out as asked for, answers too, and what is told of them."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from keras_kd.export import benchmark, to_tflite, verify
from keras_kd.export.integers import Integers
from keras_kd.export.runners import LiteRunner


@pytest.mark.parametrize(
    ("io", "output"), [("uint8", "probabilities"), ("float32", "logits"), ("int8", "probabilities")]
)
def test_numbers_in_and_out_are_as_asked_for(tmp_path, batch_norm_net, images, io, output):
    path = tmp_path / "f.tflite"
    facts = to_tflite(batch_norm_net, path, "int8", [images], io=io, output=output)
    assert facts["io"] == io and facts["fully_quantized"] and facts["float_tensors"] == []
    interpreter = Interpreter(model_path=str(path))
    details = [*interpreter.get_input_details(), *interpreter.get_output_details()]
    assert {one["dtype"].__name__ for one in details} == {io}
    told = verify(batch_norm_net, path, [images])
    difference = {"logits": "max_abs_logit_difference"}.get(
        output, "max_abs_probability_difference"
    )
    assert told["agreement_with_keras"] >= 0.9 and told[difference] < 0.05
    assert benchmark(path, runs=2, warmup=0)["latency_ms"] > 0
    if output == "probabilities":
        assert LiteRunner(path)(images).sum(-1) == pytest.approx(np.ones(len(images)), abs=0.02)


def test_remarks_tell_what_is_in_integers():
    kind = Integers()
    assert kind.remarks({"fully_quantized": True}) == ["no float tensor at all"]
    of_floats = kind.remarks({"fully_quantized": True, "io": "float32"})
    assert of_floats == ["no float tensor but the images and the answers"]
    losses = {"losses": [["norm/mul", 12.0], ["add", 3.0]], "agreement_with_keras": 0.6}
    (told,) = kind.remarks({"fully_quantized": False, "fallback": None} | losses)
    assert told == (
        "answers like the Keras student on only 60.00 % of the test images; "
        "the layers that lose most: norm/mul, add"
    )
    assert kind.remarks({"agreement_with_keras": 0.6, "min_agreement": 0.5}) == []
    assert kind.remarks(losses | {"agreement_with_keras": 0.99}) == [
        "the layers that lose most: norm/mul, add"
    ]
    assert kind.remarks(losses | {"agreement_with_keras": 1.0}) == []


def test_the_layers_that_lose_most_are_named(exported):
    _, facts = exported("int8")
    errors = [error for _, error in facts["losses"]]
    assert 1 <= len(errors) <= 3 and errors == sorted(errors, reverse=True)
    assert all(isinstance(name, str) and name for name, _ in facts["losses"])


def test_images_of_another_range_are_refused_by_their_values(tmp_path, batch_norm_net, images):
    for wrong, told in (((images + 1) / 2, "[0, 1]"), (images / 2, "[-0.5, 0.5]")):
        with pytest.raises(ValueError, match="Prepare them as for evaluation") as refusal:
            to_tflite(batch_norm_net, tmp_path / "f", "int8", [wrong])
        assert told in str(refusal.value) and not (tmp_path / "f").exists()


def test_the_advice_for_bright_images_works(tmp_path, batch_norm_net, images):
    bright, black = (images + 1) / 2, -np.ones_like(images[:1])
    assert to_tflite(batch_norm_net, tmp_path / "f", "int8", [bright, black])["fully_quantized"]


def test_a_network_of_a_mixed_policy_is_exported_in_float32(tmp_path, images):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        image = keras.Input((12, 12, 3))
        x = keras.layers.Conv2D(4, 3, activation="relu")(image)
        model = keras.Model(
            image, keras.layers.Dense(3, dtype="float32")(keras.layers.Flatten()(x))
        )
    finally:
        keras.config.set_dtype_policy(before)
    facts = to_tflite(model, tmp_path / "f.tflite")
    kernel, bias, dense, last = model.get_weights()
    told = LiteRunner(tmp_path / "f.tflite")(images[:2])
    # The convolution by hand, in float64.
    patches = np.lib.stride_tricks.sliding_window_view(images[:2].astype(float), (3, 3), (1, 2))
    hidden = np.maximum(np.einsum("bxyckl,klcf->bxyf", patches, kernel) + bias, 0)
    np.testing.assert_allclose(told, hidden.reshape(2, -1) @ dense + last, atol=1e-4)
    assert (
        facts["bytes"]
        and verify(model, tmp_path / "f.tflite", [images])["max_abs_logit_difference"] < 1e-4
    )


def test_layers_of_a_student_in_few_bits_cannot_be_kept(tmp_path, batch_norm_net, monkeypatch):
    monkeypatch.setattr(Integers, "in_few_bits", lambda self, model, images: model)
    with pytest.raises(ValueError, match=r"trained in few bits.*Received: keep_float=a,b\."):
        to_tflite(batch_norm_net, tmp_path / "f", "int8", keep_float=("a", "b"))
