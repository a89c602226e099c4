"""Classifies photographs by a TFLite file of keras-kd, with nothing of keras-kd or TensorFlow.

python classify.py MODEL.tflite IMAGE_OR_FOLDER... [--top=5]

Copy this one file to the device. It needs numpy, Pillow, and ai-edge-litert or tflite-runtime. How
an image is cut and resized, and the names of the classes, lie in the model file.
"""

import json
import os
import sys
import zipfile

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp")


class Classifier:
    """A TFLite file that answers images.

    Args:
        path: the file.

    Attributes:
        labels: list of str, names of the classes.

    Raises:
        ValueError: not a file of keras-kd, or one with other labels than classes.
    """

    def __init__(self, path):
        try:
            with zipfile.ZipFile(path) as archive:
                self.preparation = json.loads(archive.read("preprocess.json"))
                self.labels = archive.read("labels.txt").decode("utf-8").splitlines()
        except (zipfile.BadZipFile, KeyError) as error:
            raise ValueError(
                "A TFLite file of keras-kd holds preprocess.json and labels.txt. Received: "
                f"{path}, which does not. Export the student again."
            ) from error
        self.interpreter = _interpreter(path)
        self.interpreter.allocate_tensors()
        (self._input,) = self.interpreter.get_input_details()
        (self._output,) = self.interpreter.get_output_details()
        classes = int(self._output["shape"][-1])
        if len(self.labels) != classes:
            raise ValueError(
                f"A name for each of the {classes} classes was expected. Received: {path}, with "
                f"{len(self.labels)} names. Export the student again."
            )

    def __call__(self, image):
        """Probabilities float32 `[K]` of a `PIL.Image.Image`."""
        values = prepare(image, self.preparation)[None]
        self.interpreter.set_tensor(self._input["index"], _quantised(values, self._input))
        self.interpreter.invoke()
        answer = self.interpreter.get_tensor(self._output["index"])[0]
        answer = _dequantised(answer, self._output)
        return answer if self.preparation["output"] == "probabilities" else _softmax(answer)

    def top(self, image, most=5):
        """The likeliest classes of an image: list of (name, probability), the first the surest."""
        answer = self(image)
        order = np.argsort(-answer, kind="stable")[:most]
        return [(self.labels[index], float(answer[index])) for index in order]


def prepare(image, preparation):
    """An image as the network was trained to see it.

    Args:
        image: `PIL.Image.Image` of any size and kind.
        preparation: dict, what `preprocess.json` holds.

    Returns:
        float32 `[H, W, C]`.
    """
    if preparation["exif"] == "apply":
        image = ImageOps.exif_transpose(image)
    pixels = _pixels(image, preparation["channels"])
    height, width = pixels.shape[:2]
    crop = preparation["crop"]
    if crop["box"] == "central_square":
        side = central_side(min(height, width), *crop["quotient"])
        top, left = (height - side) // 2, (width - side) // 2
        pixels = pixels[top : top + side, left : left + side]
    resize = RESIZED[preparation["interpolation"], preparation["antialias"]]
    small = resize(pixels, preparation["height"], preparation["width"])
    seen = small * np.float32(preparation["scale"]) + np.float32(preparation["offset"])
    for op in preparation.get("view", ()):
        seen = VIEWS[op["op"]](seen, *op["arguments"])
    return seen


def _gray(image):
    if image.shape[-1] != 3:
        return image
    luma = image @ np.array([0.299, 0.587, 0.114], np.float32)
    return np.repeat(luma[..., None], 3, axis=-1)


def _channel(image, index):
    one = image[..., min(int(index), image.shape[-1] - 1), None]
    return np.repeat(one, image.shape[-1], axis=-1)


def _filtered(image, offsets, weights, axis):
    """A filter along an axis; what lies beyond an edge is like the edge."""
    side = image.shape[axis]
    taken = (np.take(image, np.clip(np.arange(side) + one, 0, side - 1), axis) for one in offsets)
    return sum(np.float32(weight) * one for weight, one in zip(weights, taken))


def _blur(image, sigma):
    radius = max(1, round(4 * sigma))
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights = weights / weights.sum()
    return _filtered(_filtered(image, offsets, weights, 0), offsets, weights, 1)


def _edges(image, gain):
    smooth, steep = ((-1, 0, 1), (0.25, 0.5, 0.25)), ((-1, 1), (-0.5, 0.5))
    luma = _gray(image)
    down = _filtered(_filtered(luma, *steep, 0), *smooth, 1)
    across = _filtered(_filtered(luma, *smooth, 0), *steep, 1)
    return np.minimum(np.float32(gain) * np.sqrt(down**2 + across**2) - 1, 1)


def _lowres(image, side):
    for axis in (0, 1):
        count = image.shape[axis]
        fewer, pixels = min(count, int(side)), np.arange(count)
        bounds = np.arange(fewer + 1) * count / fewer
        shared = np.minimum(pixels + 1, bounds[1:, None]) - np.maximum(pixels, bounds[:-1, None])
        at = np.clip((pixels + 0.5) * fewer / count - 0.5, 0, fewer - 1)
        up = np.maximum(0, 1 - np.abs(at[:, None] - np.arange(fewer)))
        whole = (up @ (np.maximum(shared, 0) * fewer / count)).astype(np.float32)
        image = np.moveaxis(np.tensordot(whole, image, (1, axis)), 0, axis)
    return image


# What makes the network's modality of an image [H, W, C] in [-1, 1].
VIEWS = {"blur": _blur, "channel": _channel, "edges": _edges, "gray": _gray, "lowres": _lowres}


def central_side(short, p, q):
    """Side in pixels of the central square: q / p of the short side.

    In whole numbers, of two that are as near the smaller: no machine rounds otherwise.
    """
    return max((2 * short * q + p - 1) // (2 * p), 1)


def resized(pixels, height, width):
    """Bilinear interpolation between the centres of pixels, without anti-aliasing.

    Pillow's own smooths before it leaves pixels out, which the network has not seen in training.

    Args:
        pixels: uint8 `[H, W, C]`.
        height, width: of the result.

    Returns:
        float32 `[height, width, C]`.
    """

    def ends(count, size):
        at = (np.arange(count, dtype=np.float32) + 0.5) * np.float32(size / count) - 0.5
        low = np.floor(at)
        limits = (np.clip(one, 0, size - 1).astype(int) for one in (low, np.ceil(at)))
        return *limits, at - low

    top, bottom, down = ends(height, pixels.shape[0])
    left, right, across = ends(width, pixels.shape[1])
    pixels, down, across = pixels.astype(np.float32), down[:, None, None], across[None, :, None]
    rows = [side[:, left] + (side[:, right] - side[:, left]) * across
            for side in (pixels[top], pixels[bottom])]  # fmt: skip
    return rows[0] + (rows[1] - rows[0]) * down


def resampled(pixels, height, width):
    """Bicubic interpolation with anti-aliasing, as `resized`: Pillow's, on floats."""

    def weights(count, size):
        step = size / count
        centres = (np.arange(count)[:, None] + 0.5) * step
        far = np.abs(np.arange(size) + 0.5 - centres) / max(step, 1.0)
        near = 1.5 * far**3 - 2.5 * far**2 + 1
        cubic = np.where(far < 1, near, -0.5 * far**3 + 2.5 * far**2 - 4 * far + 2)
        cubic = np.where(far < 2, cubic, 0.0)
        return (cubic / cubic.sum(axis=1, keepdims=True)).astype(np.float32)

    rows = np.tensordot(weights(height, pixels.shape[0]), pixels.astype(np.float32), (1, 0))
    both = np.tensordot(weights(width, pixels.shape[1]), rows, (1, 1)).swapaxes(0, 1)
    return np.clip(both, 0, 255)


# (interpolation, antialias) -> what resizes.
RESIZED = {("bilinear", False): resized, ("bicubic", True): resampled}


def _pixels(image, channels):
    """uint8 `[H, W, C]`; transparency is dropped, as in training, and not laid over a colour."""
    if image.mode.startswith("I"):  # 16 bits a pixel, of which the upper 8 count
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if channels == "grey":
        return np.asarray(image.convert("L"))[..., None]
    return np.asarray(image.convert("RGB"))


def _interpreter(path):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError:
            raise ValueError(
                "A TFLite runtime was expected. Received: neither ai-edge-litert nor "
                "tflite-runtime is installed. Install one: pip install ai-edge-litert"
            ) from None
    return Interpreter(model_path=os.fspath(path))


def _quantised(values, detail):
    dtype = np.dtype(detail["dtype"])
    if dtype.kind == "f":
        return values.astype(dtype)
    scale, zero_point = detail["quantization"]
    limits = np.iinfo(dtype)
    return np.clip(np.round(values / scale) + zero_point, limits.min, limits.max).astype(dtype)


def _dequantised(values, detail):
    values = values.astype(np.float32)
    if np.dtype(detail["dtype"]).kind == "f":
        return values
    scale, zero_point = detail["quantization"]
    return (values - zero_point) * np.float32(scale)


def _softmax(logits):
    exp = np.exp(logits - logits.max())
    return exp / exp.sum()


def images_in(places):
    """Paths of the images among files and folders, those of a folder in order."""
    for place in places:
        if not os.path.isdir(place):
            yield place
            continue
        for folder, folders, names in os.walk(place):
            folders.sort()
            for name in sorted(names):
                if name.lower().endswith(SUFFIXES):
                    yield os.path.join(folder, name)


def main(arguments):
    """Prints the likeliest classes of each image.

    Args:
        arguments: list of str, those of the command line.

    Returns:
        exit code: 0, 1 where an image could not be read, 2 after a mistake.
    """
    options = [one for one in arguments if one.startswith("--")]
    places = [one for one in arguments if not one.startswith("--")]
    counts = [one[len("--top=") :] for one in options if one.startswith("--top=")]
    wrong = len(counts) < len(options) or not all(one.isdigit() and int(one) for one in counts)
    if len(places) < 2 or wrong:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    try:
        classifier = Classifier(places[0])
    except (OSError, ValueError, RuntimeError) as error:  # the last by the runtime
        print(error, file=sys.stderr)
        return 2
    failed = False
    for path in images_in(places[1:]):
        try:
            with Image.open(path) as image:
                found = classifier.top(image, int(counts[-1]) if counts else 5)
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # all Pillow's
            print(f"{path}: not read ({error})", file=sys.stderr)
            failed = True
            continue
        print(path)
        for name, share in found:
            print(f"  {100 * share:5.1f} %  {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
