"""The edge script: what the SavedModel answers, from a file alone and without TensorFlow."""

import ast
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_kd.data.modality import Modality
from keras_kd.data.ops import OPS, central_boxes
from keras_kd.data.ops.base import FloatOp
from keras_kd.data.resize import resizer
from keras_kd.export import edge, to_saved_model, to_tflite
from keras_kd.export.card import ops_of
from keras_kd.export.edge import classify
from keras_kd.export.saved_model import decode_for_evaluation
from keras_kd.utils.crops import as_quotient

SCRIPT = Path(edge.__file__).parent / "classify.py"
# The script in a process in which whatever is not its own business fails to import.
ALONE = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "keras", "keras_kd", "tf_keras"):
            raise ImportError("blocked: " + name)
sys.meta_path.insert(0, Blocked())
import runpy
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def photographs(folder, count=60):
    """Synthetic photographs: soft blobs of colour with grain, of many sizes, JPEG and PNG."""
    rng, paths = np.random.default_rng(0), []
    for number in range(count):
        size = rng.integers(20, 160, 2)
        small = Image.fromarray(rng.integers(0, 256, (4, 5, 3), np.uint8))
        pixels = np.asarray(small.resize(tuple(map(int, size)), Image.Resampling.BICUBIC), int)
        grainy = np.clip(pixels + rng.normal(0, 12, pixels.shape), 0, 255).astype(np.uint8)
        path = folder / f"{number:03d}.{('jpg', 'png')[number % 2]}"
        Image.fromarray(grainy).save(path)
        paths.append(path)
    return paths


@pytest.mark.parametrize("text", ["gray", "channel:1", "blur:0.8", "edges", "lowres:5|gray"])
@pytest.mark.parametrize("channels", [1, 3])
def test_modalities_are_made_as_in_training(text, channels):
    image = np.random.default_rng(0).uniform(-1, 1, (12, 12, channels)).astype("float32")
    found = image
    for op in ops_of(text):
        found = classify.VIEWS[op["op"]](found, *op["arguments"])
    np.testing.assert_allclose(found, Modality.parse(text).apply(image), atol=1e-5)
    assert found.dtype == np.float32 and found.shape == image.shape


def test_each_modality_is_there():
    there = {name for name, op in OPS.items() if issubclass(op, FloatOp) and not op.random}
    assert there == set(classify.VIEWS)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(paths, probabilities that `serve_bytes` gives them, TFLite files of the same student)."""
    folder = tmp_path_factory.mktemp("photographs")
    paths = photographs(folder)
    keras.utils.set_random_seed(1)
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    head = keras.layers.Dense(3)
    student = keras.Model(image, head(keras.layers.Flatten()(x)))
    images = np.stack([decode_for_evaluation(path.read_bytes(), (12, 12, 3)) for path in paths])
    head.bias.assign(-student(images).numpy().mean(0))  # all classes occur
    names = ["tench", "göteborg & co", "two words"]
    to_saved_model(student, folder / "model", class_names=names)
    files = {name: folder / "files" / f"{name}.tflite" for name in ("float32", "int8")}
    for name, path in files.items():
        to_tflite(student, path, name, [images], class_names=names)
    serve = tf.saved_model.load(str(folder / "model")).signatures["serve_bytes"]
    told = serve(bytes=tf.constant([path.read_bytes() for path in paths]))
    return paths, told["probabilities"].numpy(), files


def test_it_gives_the_served_class(served):
    paths, expected, files = served
    model = classify.Classifier(files["float32"])
    answers = np.array([model(Image.open(path)) for path in paths])
    assert (answers.argmax(-1) == expected.argmax(-1)).mean() >= 0.99
    assert len(set(expected.argmax(-1))) == 3
    # All decoders give the same pixels, and the rest is arithmetic; but the colours at the edge of
    # a JPEG's box are those of a decoder that knows the box.
    np.testing.assert_allclose(answers[1::2], expected[1::2], atol=1e-4)
    np.testing.assert_allclose(answers[::2], expected[::2], atol=0.02)
    integers = classify.Classifier(files["int8"])
    answers = np.array([integers(Image.open(path)) for path in paths])
    assert (answers.argmax(-1) == expected.argmax(-1)).mean() >= 0.9


def test_it_runs_where_there_is_no_tensorflow(served, tmp_path):
    paths, expected, files = served
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    path = files["float32"]
    command = [sys.executable, "-c", ALONE, SCRIPT, path, paths[1].parent, tmp_path, "--top=2"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 1, done.stderr  # the broken one
    assert "broken.jpg: not read" in done.stderr and "Traceback" not in done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 3 * len(paths)
    labels = classify.Classifier(path).labels
    told = lines[lines.index(str(paths[1])) + 1]
    best = expected[1].argmax()
    assert told == f"  {100 * expected[1][best]:5.1f} %  {labels[best]}"


def test_the_box_is_the_evaluated_one():
    for scale in (8 / 7, 1.0, 1.25, 160 / 140, 1.1):
        shorts = np.arange(1, 2100)
        boxes = tf.function(central_boxes)(
            np.stack([shorts, shorts + 3], 1).astype(np.int32), scale
        ).numpy()
        own = [classify.central_side(int(short), *as_quotient(scale)) for short in shorts]
        np.testing.assert_array_equal(boxes[:, 2], own)
        np.testing.assert_array_equal(boxes[:, 1], (shorts + 3 - own) // 2)


@pytest.mark.parametrize("size", [(7, 9), (16, 16), (50, 33), (1, 1)])
def test_resizing_is_tensorflows(size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    expected = resizer(12)(tf.constant(pixels)).numpy()
    own = classify.resized(pixels, 12, 12) / 127.5 - 1
    np.testing.assert_allclose(own, expected, atol=2e-6)


@pytest.mark.parametrize("size", [(7, 9), (12, 12), (50, 33), (1, 1)])
def test_bicubic_resizing_is_tensorflows_and_pillows(size):
    # Far from the ends of the range, at which Pillow cuts off after each axis.
    pixels = np.random.default_rng(0).integers(80, 176, (*size, 3), np.uint8)
    expected = resizer(12, "bicubic_antialias")(tf.constant(pixels)).numpy()
    own = classify.RESIZED["bicubic", True](pixels, 12, 12)
    np.testing.assert_allclose(own / 127.5 - 1, expected, atol=1e-5)
    pillow = Image.fromarray(pixels).resize((12, 12), Image.Resampling.BICUBIC)
    assert np.abs(own - np.asarray(pillow, float)).max() < 1.5  # Pillow rounds twice


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "I;16"])
def test_images_of_any_kind_become_three_channels(mode):
    pixels = np.full((6, 6), 51, np.uint8)
    image = Image.fromarray(pixels.astype(np.uint16) * 257 if mode == "I;16" else pixels)
    image = image if mode == "I;16" else image.convert("RGB").convert(mode)
    own = classify._pixels(image, "RGB")
    assert own.shape == (6, 6, 3) and abs(int(own.max()) - 51) <= 2


def test_transparency_is_dropped_as_in_training():
    rgba = np.dstack([np.full((4, 4), value, np.uint8) for value in (255, 0, 51, 7)])
    buffer = io.BytesIO()
    Image.fromarray(rgba).save(buffer, "PNG")
    expected = tf.io.decode_png(buffer.getvalue(), channels=3).numpy()
    np.testing.assert_array_equal(classify._pixels(Image.open(buffer), "RGB"), expected)


def test_mistakes_are_told(tmp_path, exported, capsys):
    path = exported("float32")[0]
    for arguments in ([], [str(path)], [str(path), "a.jpg", "--top=x"], [str(path), "a", "--no"]):
        assert classify.main(arguments) == 2
        assert "MODEL.tflite IMAGE_OR_FOLDER" in capsys.readouterr().err
    other = tmp_path / "other.tflite"
    other.write_bytes(b"not of ours")
    assert classify.main([str(other), "a.jpg"]) == 2
    assert "Export the student again" in capsys.readouterr().err


def test_more_labels_than_outputs_are_refused(tmp_path, exported):
    path = tmp_path / "f.tflite"
    path.write_bytes(exported("float32")[0].read_bytes())
    with zipfile.ZipFile(path) as archive:
        told = {name: archive.read(name) for name in archive.namelist()}
        start = min(one.header_offset for one in archive.infolist())
    path.write_bytes(path.read_bytes()[:start])
    with zipfile.ZipFile(path, "a") as archive:
        for name, data in (told | {"labels.txt": told["labels.txt"] + b"one more\n"}).items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match=r"each of the 3 classes was expected.*with 4 names"):
        classify.Classifier(path)


def test_it_is_one_file():
    """Which imports Python's own modules and the three that it says it needs, and no others."""
    source = SCRIPT.read_text()
    assert "keras_kd" not in source.replace("keras-kd", "")
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level
            found.add(node.module.split(".")[0])
    others = found - set(sys.stdlib_module_names)
    assert others == {"numpy", "PIL", "ai_edge_litert", "tflite_runtime"}
