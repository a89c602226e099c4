"""Images of formats that TensorFlow mistakes, against Pillow; and plain ones that stay with it."""

import io

import numpy as np
import pytest
from image_files import decoded, picture, save
from PIL import Image

from keras_kd.data import build_dataset, load_source, rescue


def colours(height=16, width=16):
    return np.tile(np.uint8([220, 30, 40]), (height, width, 1))


def saved(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


MAKE = {
    "palette.bmp": lambda path: saved(
        path, Image.fromarray(colours()).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    ),
    "picture.bmp": lambda path: saved(path, Image.fromarray(picture()).quantize(64)),
    "bits.bmp": lambda path: saved(path, Image.fromarray(picture()).convert("1")),
    "grey.bmp": lambda path: saved(path, Image.fromarray(picture()).convert("L")),
    "alpha.bmp": lambda path: saved(path, Image.fromarray(picture()).convert("RGBA")),
    "transparent.webp": lambda path: saved(
        path, Image.new("RGBA", (16, 16), (220, 30, 40, 100)), lossless=True
    ),
    "lossy.webp": lambda path: saved(path, Image.new("RGBA", (16, 16), (220, 30, 40, 100))),
    "animated.webp": lambda path: saved(
        path,
        Image.fromarray(colours()),
        save_all=True,
        append_images=[Image.new("RGB", (16, 16), (0, 0, 250))],
        lossless=True,
    ),
    "animated.gif": lambda path: saved(
        path,
        Image.fromarray(colours()),
        save_all=True,
        append_images=[Image.new("RGB", (16, 16), (0, 0, 250))],
    ),
    "animated.apng": lambda path: saved(
        path,
        Image.fromarray(picture()),
        format="PNG",
        save_all=True,
        append_images=[Image.new("RGB", (16, 12), (0, 0, 250))],
    ),
    "ink.jpg": lambda path: saved(path, Image.fromarray(colours()).convert("CMYK"), quality=95),
    "windows.jfif": lambda path: saved(path, Image.fromarray(colours()), format="JPEG", quality=95),
    "old.jpe": lambda path: saved(path, Image.fromarray(colours()), format="JPEG", quality=95),
    "palette.png": lambda path: saved(path, Image.fromarray(picture()).quantize(64)),
    "deep.png": lambda path: saved(
        path, Image.fromarray(np.full((16, 16), 200 * 257, np.uint16)), format="PNG"
    ),
}


@pytest.mark.parametrize("name", MAKE)
def test_the_colours_are_those_that_pillow_sees(tmp_path, name):
    path = tmp_path / "train" / "c" / name
    MAKE[name](path)
    examples = load_source(f"folder:{tmp_path}").split("train")
    assert examples.num_examples == 1 and not examples.skipped
    with Image.open(path) as image:
        # Pillow clips 16 bits; their upper byte is what is meant.
        image = Image.fromarray(np.uint8(np.asarray(image) >> 8)) if name == "deep.png" else image
        want = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(decoded(examples, 0) - want).max() <= 6


def test_they_stand_in_a_batch_beside_plain_ones(tmp_path):
    for name in ("palette.bmp", "transparent.webp", "windows.jfif", "animated.webp"):
        MAKE[name](tmp_path / "train" / "red" / name)
    save(tmp_path / "train" / "red" / "plain.png", colours())
    source = load_source(f"folder:{tmp_path}")
    x, _ = next(iter(build_dataset(source, "train", "same/ic", 5, 4)))
    want = np.float32([220, 30, 40]) / 127.5 - 1
    np.testing.assert_allclose(x, np.broadcast_to(want, x.shape), atol=0.03)
    assert source.split("train").num_rescued >= 2


def test_plain_images_are_left_to_tensorflow_and_the_graph_holds_no_python(tmp_path):
    for index in range(4):
        save(tmp_path / "train" / "c" / f"{index}.jpg", picture(40, 30), quality=95)
    examples = load_source(f"folder:{tmp_path}").split("train")
    assert examples.num_rescued == 0 and examples.is_jpeg.all()
    names = set()

    def collect(graph):
        names.update(node.op for node in graph.node)
        for function in graph.library.function:
            names.update(node.op for node in function.node_def)

    import tensorflow as tf

    cut = tf.function(examples.crop, autograph=False).get_concrete_function(
        tf.TensorSpec([], tf.string), tf.TensorSpec([4], tf.int32)
    )
    collect(cut.graph.as_graph_def())
    assert "DecodeAndCropJpeg" in names
    assert not names & {"PyFunc", "EagerPyFunc", "PyFuncStateless", "DecodeImage"}


@pytest.mark.parametrize(
    ("mode", "format", "plain"),
    [
        ("RGB", "JPEG", True),
        ("L", "JPEG", True),
        ("CMYK", "JPEG", False),
        ("P", "PNG", True),
        ("RGB", "BMP", False),
        ("RGB", "WEBP", False),
        ("P", "GIF", False),
    ],
)
def test_what_is_plain(mode, format, plain):
    encoded = io.BytesIO()
    Image.fromarray(picture()).convert(mode).save(encoded, format)
    assert rescue.is_plain(encoded.getvalue()) == plain


def test_a_png_of_the_first_frame_is_lossless():
    encoded = io.BytesIO()
    frames = [Image.fromarray(picture()), Image.fromarray(colours(12, 16))]
    frames[0].save(encoded, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    with Image.open(io.BytesIO(rescue.as_png(encoded.getvalue()))) as image:
        np.testing.assert_array_equal(np.asarray(image), picture())
    with pytest.raises(OSError):
        rescue.as_png(b"no image")
