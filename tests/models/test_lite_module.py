"""TFLite files as layers: as the network that they were made of, in any batch."""

import zipfile

import numpy as np
import pytest
import tensorflow as tf
from tflite_files import network, write

from keras_kd.models.lite_module import LiteModule, recorded_range


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("lite"), network()
    return model, {
        "float": write(folder / "float.tflite", model),
        "one": write(folder / "one.tflite", model, batch=1),
        "int8": write(folder / "int8.tflite", model, tf.int8),
        "uint8": write(folder / "uint8.tflite", model, tf.uint8),
    }


def images(count=5):
    return np.random.default_rng(1).uniform(-1, 1, (count, 8, 8, 3)).astype("float32")


@pytest.mark.parametrize(("name", "tolerance"), [("float", 1e-4), ("one", 1e-4), ("int8", 0.05),
                                                 ("uint8", 0.05)])  # fmt: skip
def test_a_file_gives_what_its_network_gives(files, name, tolerance):
    model, paths = files
    layer, x = LiteModule(paths[name]), images()
    expected = model(x).numpy()
    spread = np.ptp(expected)
    np.testing.assert_allclose(layer.answer(x), expected, atol=tolerance * spread)
    one_by_one = np.concatenate([layer.answer(x[i : i + 1]) for i in range(len(x))])
    np.testing.assert_allclose(layer.answer(x), one_by_one, atol=1e-4 * spread)
    assert layer.image_shape == (8, 8, 3) and layer.layout == "nhwc"


def test_whole_numbers_tell_the_range_of_the_pixels(files):
    _, paths = files
    assert LiteModule(paths["float"]).value_range is None
    for name in ("int8", "uint8"):
        np.testing.assert_allclose(LiteModule(paths[name]).value_range, (-1, 1), atol=0.02)


def test_a_record_in_the_file_tells_it_too(files, tmp_path):
    _, paths = files
    with open(paths["float"], "rb") as file:
        content = file.read()
    assert recorded_range(paths["float"]) is None
    for text, expected in (
        ('{"scale": 0.5, "offset": -3}', (-3, 124.5)),
        ('{"scale": 1}', None),
        ("[]", None),
        ("{", None),
    ):
        (tmp_path / "a.tflite").write_bytes(content)
        with zipfile.ZipFile(tmp_path / "a.tflite", "a") as archive:
            archive.writestr("preprocess.json", text)
        assert recorded_range(tmp_path / "a.tflite") == expected


def test_whole_numbers_are_rounded_to_the_nearest(files):
    """By hand, through the interpreter alone: a pixel's number, and the logit's value of it."""
    from ai_edge_litert.interpreter import Interpreter

    _, paths = files
    interpreter = Interpreter(model_path=paths["int8"])
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    x = images(1)
    scale, zero = source["quantization"]
    whole = np.clip(np.round(x.astype("float64") / scale) + zero, -128, 127).astype(np.int8)
    interpreter.set_tensor(source["index"], whole)
    interpreter.invoke()
    scale, zero = target["quantization"]
    expected = (interpreter.get_tensor(target["index"]).astype("float64") - zero) * scale
    np.testing.assert_allclose(LiteModule(paths["int8"]).answer(x), expected, rtol=1e-6)


def test_a_size_that_is_written_into_the_graph_is_run_image_by_image(tmp_path):
    model = network()

    def fixed(image, training=False):
        return tf.reshape(model(image), [1, 4]) + 0 * tf.reduce_mean(image)

    layer = LiteModule(write(tmp_path / "fixed.tflite", fixed, batch=1))
    np.testing.assert_allclose(layer.answer(images()), model(images()), atol=1e-4)


def test_files_that_do_not_open(files, tmp_path):
    _, paths = files
    with open(paths["float"], "rb") as file:
        content = file.read()
    for kept in (len(content) // 2, 10, 0):
        (tmp_path / "cut.tflite").write_bytes(content[:kept])
        with pytest.raises(ValueError, match=r"must open in ai-edge-litert.*cut\.tflite', which f"
                                             r"ails: .*If it was cut short, copy it"):  # fmt: skip
            LiteModule(tmp_path / "cut.tflite")


def test_operations_that_litert_lacks_are_refused(tmp_path):
    spec = tf.TensorSpec((1, 8, 8, 3), tf.float32, name="image")

    @tf.function(input_signature=[spec])
    def function(image):
        return tf.raw_ops.Betainc(a=tf.abs(image[:, 0, 0]) + 1, b=tf.abs(image[:, 1, 1]) + 1,
                                  x=tf.sigmoid(image[:, 2, 2]))  # fmt: skip

    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    converter.allow_custom_ops = True
    (tmp_path / "custom.tflite").write_bytes(converter.convert())
    with pytest.raises(ValueError, match=r"custom\.tflite'.*Its operations must be LiteRT's own"):
        LiteModule(tmp_path / "custom.tflite")
