"""The page in Chromium: it reads, prepares and answers pictures as the Python runtime does."""

import base64
import io
import json

import browser
import numpy as np
import pytest
from page_pictures import encoded, noise
from PIL import Image

from keras_kd.export.edge.classify import prepare
from keras_kd.export.runners import LiteRunner


def fifty():
    """PNG files of 50 pictures, from a pixel up: RGB, grey, with alpha, with a palette."""
    rng = np.random.default_rng(5)
    for index in range(50):
        height, width = (1, 1) if index == 0 else rng.integers(2, 160, 2)
        mode = ("RGB", "RGB", "L", "RGBA", "P", "LA")[index % 6]
        channels = {"L": 1, "LA": 2, "RGBA": 4}.get(mode, 3)
        array = noise(height, width, channels, index)
        image = Image.fromarray(array[..., 0] if channels == 1 else array)
        yield encoded(image.convert(mode))


ANSWERS = """
const {answersTo} = await import("/page.js");
const found = [];
for (const text of arguments[0]) {
  const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  found.push((await answersTo(new Blob([bytes]))).map(({answer}) => Array.from(answer)));
}
return found;
"""


def test_answers_are_those_of_the_python_runtime(page, page_folder):
    """50 images, float32 and int8: the same class on all, logits within 1e-3."""
    files = list(fifty())
    how = json.loads((page_folder / "page.json").read_text())["preparation"]
    images = np.stack([prepare(Image.open(io.BytesIO(file)), how) for file in files])
    received = browser.awaited(page, ANSWERS, [base64.b64encode(one).decode() for one in files])
    for nth, name in enumerate(("float32", "int8")):
        expected = LiteRunner(page_folder / "models" / f"student_{name}.tflite")(images)
        found = np.array([answers[nth] for answers in received])
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
        np.testing.assert_array_equal(found.argmax(-1), expected.argmax(-1))
    assert len(set(expected.argmax(-1))) > 1  # an answer that is always the same proves little


# As browsers are that lack relaxed SIMD, and those that lack WebGL 2.
OLDER = """
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = (code, ...rest) =>
  code.byteLength < 100 ? Promise.reject(new Error("refused")) : instantiate(code, ...rest);
const context = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind === "webgl2" ? null : context.call(this, kind, ...rest);
};
"""


def test_older_browsers_take_the_other_runtime(page, page_folder):
    address, before = page.current_url, page.current_window_handle
    page.switch_to.new_window("tab")
    try:
        page.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": OLDER})
        page.get(address)
        browser.wait_for(page, "document.documentElement.dataset.ready")
        fetched = page.execute_script(
            "return performance.getEntriesByType('resource').map((one) => one.name).join()"
        )
        assert "litert_wasm_compat_internal.wasm" in fetched
        assert "litert_wasm_internal.wasm" not in fetched
        content = encoded(Image.fromarray(noise(30, 20, 3)))
        how = json.loads((page_folder / "page.json").read_text())["preparation"]
        image = prepare(Image.open(io.BytesIO(content)), how)[None]
        (found,) = browser.awaited(page, ANSWERS, [base64.b64encode(content).decode()])
        for name, answer in zip(("float32", "int8"), found):
            right = LiteRunner(page_folder / "models" / f"student_{name}.tflite")(image)[0]
            np.testing.assert_allclose(answer, right, rtol=0, atol=1e-3)
        with pytest.raises(AssertionError, match="lacks WebGL 2"):
            pixels(page, encoded(Image.fromarray(noise(9, 9, 4))))
    finally:
        page.close()
        page.switch_to.window(before)


PREPARED = """
const {boxOf, prepared} = await import("/prepare.js");
return arguments[0].map(({height, width, data, how}) => {
  const box = boxOf(width, height, how.crop);
  const cut = new Uint8Array(3 * box.width * box.height);
  for (let y = 0; y < box.height; y++) {
    const start = 3 * ((box.top + y) * width + box.left);
    cut.set(data.slice(start, start + 3 * box.width), 3 * y * box.width);
  }
  return Array.from(prepared({width: box.width, height: box.height, data: cut}, how));
});
"""


def test_preparation_is_that_of_the_edge_script(page):
    """Every crop, resize, colour and modality, up and down in size."""
    base = {"exif": "ignore", "channels": "RGB", "crop": {"box": "whole_image"}, "antialias": False}
    base |= {"height": 12, "width": 12, "interpolation": "bilinear"}
    base |= {"scale": 1 / 127.5, "offset": -1.0}
    bicubic = {"interpolation": "bicubic", "antialias": True}
    views = [[("gray",)], [("channel", 1)], [("blur", 0.9)], [("edges", 2.0)], [("lowres", 5)],
             [("gray",), ("lowres", 30)]]  # fmt: skip
    cases = [{}, {"channels": "grey"}, bicubic, {**bicubic, "channels": "grey", "width": 9}]
    cases += [
        {"crop": {"box": "central_square", "quotient": quotient}} for quotient in ([8, 7], [1, 1])
    ]
    cases += [
        {"view": [{"op": op, "arguments": list(given)} for op, *given in ops]} for ops in views
    ]
    given, expected = [], []
    for nth, case in enumerate(cases):
        for height, width in ((7, 5), (12, 12), (61, 47)):
            array, how = noise(height, width, 3, nth), base | case
            given.append({"height": height, "width": width, "how": how})
            given[-1]["data"] = array.ravel().tolist()
            expected.append(prepare(Image.fromarray(array), how).ravel())
    for one, found, right in zip(given, browser.awaited(page, PREPARED, given), expected):
        np.testing.assert_allclose(found, right, rtol=0, atol=2e-5, err_msg=str(one["how"]))


PIXELS = """
const {decoded, pixelsOf} = await import("/decode.js");
const bytes = Uint8Array.from(atob(arguments[0]), (one) => one.charCodeAt(0));
const picture = await decoded(new Blob([bytes]), arguments[1]);
const {width, height, data} = pixelsOf(picture, arguments[2] ?? {left: 0, top: 0, ...picture});
return {width, height, data: Array.from(data)};
"""


def pixels(page, content, exif="ignore", box=None):
    """What the page reads from a file, or a box of it, uint8 `[H, W, 3]`."""
    found = browser.awaited(page, PIXELS, base64.b64encode(content).decode(), exif, box)
    return np.array(found["data"], np.uint8).reshape(found["height"], found["width"], 3)


@pytest.mark.parametrize("width", [41, 2100])  # the latter in two textures
def test_colours_below_transparency_are_kept(page, width):
    array = noise(30, width, 4)
    array[:10, :, 3] = 0
    content = encoded(Image.fromarray(array))
    np.testing.assert_array_equal(pixels(page, content), array[..., :3])
    part = {"left": 5, "top": 7, "width": width - 9, "height": 20}
    found = pixels(page, content, box=part)
    np.testing.assert_array_equal(found, array[7:27, 5 : width - 4, :3])


def test_colours_are_not_managed(page):
    """A PNG that tells a gamma: its pixels are as they are stored."""
    import struct
    import zlib

    array = noise(20, 20, 3)
    content = encoded(Image.fromarray(array))
    chunk = b"gAMA" + struct.pack(">I", 100000)
    gamma = struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    found = pixels(page, content[:33] + gamma + content[33:])
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_are_turned_as_the_export_says(page, kind):
    """As Pillow turns them, all or a part of them, whatever the browser thinks of it."""
    from PIL import ImageOps

    exif, part = Image.Exif(), {"left": 3, "top": 7, "width": 20, "height": 11}
    flat = Image.fromarray(np.kron(noise(4, 6, 3), np.ones((8, 8, 1), np.uint8)))
    options, near = ({"quality": 95}, 3) if kind == "JPEG" else ({"lossless": True}, 0)
    for exif[0x0112] in range(1, 9):
        content = encoded(flat, kind, exif=exif, **options)
        stored = Image.open(io.BytesIO(content))
        for rule, right in (("ignore", stored), ("apply", ImageOps.exif_transpose(stored))):
            right = np.asarray(right.convert("RGB"))
            found = pixels(page, content, rule)
            np.testing.assert_allclose(found.astype(int), right, rtol=0, atol=near)
            np.testing.assert_array_equal(pixels(page, content, rule, part), found[7:18, 3:23])


def test_photographs_are_decoded_as_pillow_does(page):
    """Bit by bit, here: Chromium and Pillow have the same decoders; another browser may not."""
    image = Image.fromarray(noise(70, 90, 3))
    for kind, options in (("JPEG", {"quality": 85}), ("WEBP", {"quality": 80}), ("BMP", {})):
        content = encoded(image, kind, **options)
        right = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        np.testing.assert_allclose(pixels(page, content).astype(int), right, rtol=0, atol=1)


def test_a_large_picture_is_read_in_strips(page):
    """More pixels than are read at once, and as of a part alone: nothing is shifted."""
    array = np.kron(noise(22, 22, 3), np.ones((100, 100, 1), np.uint8))
    content = encoded(Image.fromarray(array), compress_level=1)
    box = {"left": 10, "top": 10, "width": 2180, "height": 2180}
    sums = PIXELS.replace("data: Array.from(data)", "data: rows(data, width)")
    sums = sums.replace("return {", """
      const rows = (data, width) => Array.from({length: height}, (_, y) =>
        data.subarray(3 * width * y, 3 * width * (y + 1)).reduce((sum, one) => sum + one, 0));
      return {""")  # fmt: skip
    found = browser.awaited(page, sums, base64.b64encode(content).decode(), "ignore", box)
    right = array[10:2190, 10:2190].astype(int).sum((1, 2))
    np.testing.assert_array_equal(found["data"], right)
