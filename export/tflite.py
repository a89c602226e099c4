"""The student as a TFLite file: what all formats of this kind share."""

from pathlib import Path

from keras_kd.export.card import Card
from keras_kd.export.format import Format
from keras_kd.export.options import Options
from keras_kd.utils.crops import EVAL_SCALE
from keras_kd.utils.files import write_atomically


class TFLite(Format):
    """One TFLite file, for images one at a time. A subclass tells the converter what it wants."""

    file = "student_{name}.tflite"
    title = "TFLite"
    needs = ("class_names", "full_image", "scale", "exif", "view", "resize", "run_name", "options")

    def set_up(self, converter):
        """Sets the options of a `tf.lite.TFLiteConverter`; by default weights stay as they are."""

    def write(self, student, path, resolution=None, **needed):
        """Converts and writes the student, see `Format.write`, and beside it what explains it.

        Args:
            student: as for `Format.write`.
            path: as for `Format.write`.
            resolution: as for `Format.write`.
            **needed: arguments of `card_of`.

        Raises:
            ValueError: an operation that TFLite does not have, or names that are not the classes.
        """
        from keras_kd.export.conversion import convert
        from keras_kd.export.network import student_of
        from keras_kd.models.wrap import unquantized

        card = card_of(student, resolution, **needed)
        # Files of floats hold the weights of a grid as they are, and round nothing else.
        content = convert(unquantized(student_of(student)), resolution, self.set_up, card.output)
        return self.finish(path, content, card)

    def finish(self, path, content, card, **facts):
        """Writes a converted file with its metadata, and what explains it beside it.

        Args:
            path: the file.
            content: its bytes, as converted.
            card: `keras_kd.export.card.Card`.
            **facts: arguments of `store`.

        Returns:
            dict of facts; `runtime` is the least version of TensorFlow Lite that runs the file.
        """
        from keras_kd.export import lite_file
        from keras_kd.export.metadata import metadata

        whole = lite_file.with_metadata(content, metadata(card), card.files())
        written = self.store(path, whole, **facts)
        for name, data in card.files().items():
            write_atomically(Path(path).parent / name, lambda file, data=data: file.write(data))
        return written | {"runtime": lite_file.runtime_version(content)}

    def store(self, path, content, float_tensors=(), fully_quantized=False, fallback=None):
        """Writes a converted file, and returns the facts that all TFLite files share.

        Args:
            path: the file.
            content: its bytes.
            float_tensors: names of tensors that were meant to be integers.
            fully_quantized: whether every tensor holds integers.
            fallback: None, or why a part is not what the format promises.
        """
        write_atomically(path, lambda file: file.write(content))
        return {
            "format": self.name,
            "path": str(path),
            "bytes": len(content),
            "fully_quantized": fully_quantized,
            "float_tensors": list(float_tensors),
            "fallback": fallback,
        }

    def opens(self, path):
        path = Path(path)
        return path.is_file() and (path.suffix == ".tflite" or b"TFL3" in _start(path))

    def open(self, path, threads=1):
        from keras_kd.export.runners import LiteRunner

        return LiteRunner(path, threads)

    def ways(self, path):
        """As of every format, and each without XNNPACK's kernels."""
        from keras_kd.export.runners import LiteRunner

        found = []
        for way, runner in super().ways(path):
            plain = LiteRunner(path, way["threads"], xnnpack=False)
            found += [({**way, "xnnpack": True}, runner), ({**way, "xnnpack": False}, plain)]
        return found


def card_of(
    student,
    resolution=None,
    class_names=None,
    full_image=False,
    scale=EVAL_SCALE,
    exif="ignore",
    view="",
    resize="bilinear",
    run_name="",
    options=None,
):
    """What a file of a student says of itself.

    Args:
        student: a Keras model; of a `KDModel`, its student.
        resolution: pixels, for a model that leaves its input size open.
        class_names: K names in the order of the logits; None: numbers from 0 on.
        full_image: whether images are resized whole, instead of their central square.
        scale: short side of the image over the side of that square.
        exif: "apply" where images are turned upright first, or "ignore".
        view: text of the ops that make the student's modality, see `keras_kd.data.modality`.
        resize: kernel, see `keras_kd.data.resize`.
        run_name: whose student it is.
        options: `keras_kd.export.options.Options`; default: as they come.

    Returns:
        a `keras_kd.export.card.Card`.

    Raises:
        ValueError: more or fewer names than logits.
    """
    from keras_kd.export import network

    model = network.student_of(student)
    shape = network.image_shape(model, resolution)
    names = network.checked_names(class_names, model)
    if names is None:
        names = map(str, range(network.num_classes(model) or 0))
    output = (options or Options()).output
    name = run_name or "image classifier"
    seen = bool(full_image), float(scale), output, exif, view, resize
    return Card(name, shape, tuple(names), *seen)


def to_tflite(
    model,
    path,
    format="float32",
    representative=None,
    resolution=None,
    class_names=None,
    **options,
):
    """Converts the student to one TFLite file, for images one at a time.

    `float32` changes nothing; `float16` halves the weights; `dynamic` stores weights as int8 and
    computes in float; `int8` computes in integers, with int8 in and out, its ranges measured on
    `representative`. An operation that int8 does not cover stays in float32, and so do norms that
    measure each image anew, which int8 would ruin; the result says so (`int8_full` has these in
    integers too). Quantisation scheme: Jacob et al. 2017, arXiv:1712.05877.

    The file carries TFLite metadata with the names of the classes, and `labels.txt` and
    `preprocess.json` are written beside it.

    Args:
        model: a Keras model with one image input in [-1, 1] and logits out; of a `KDModel`, its
            student.
        path: the file to write; an existing one is replaced once the new one is complete.
        format: name of a TFLite format in `keras_kd/export/formats`.
        representative: for int8, an iterable of float arrays `[1, H, W, C]` or `[B, H, W, C]` in
            [-1, 1], from the training split; 100 to 500 images are plenty.
        resolution: pixels, an int or (H, W), only for a model that leaves its input size open.
        class_names: K names in the order of the logits; None: numbers.
        **options: `io` (numbers in and out of an integer file: "int8", "uint8" or "float32"),
            `output` ("logits" or "probabilities") and `keep_float` (names of layers that stay in
            float32 in an integer file); `full_image`, `scale`, `exif` and `view`, as
            the evaluation turns, cuts and changes images, for the metadata; `run_name`, the
            model's name there.

    Returns:
        A dict: `format`, `path`, `bytes`, `fully_quantized` (integers in, out and throughout),
        `float_tensors` (names of the float tensors of an int8 file, else empty), `fallback`
        (None, or why an int8 file is not integer throughout) and `runtime` (the least version of
        TensorFlow Lite that runs it, "" where its converter did not tell).

    Raises:
        ValueError: unknown format or option, representative images that are missing or do not fit,
            names that are not the classes, or an operation that TFLite does not have.
        OSError: the disk is full; the previous file is untouched.
    """
    from keras_kd.export import formats

    chosen = formats.get(format)
    if not isinstance(chosen, TFLite):
        lite = [name for name, one in formats.found().items() if isinstance(one, TFLite)]
        raise ValueError(
            f"Expected a TFLite format, one of {', '.join(lite)}. Received: format={format!r}."
        )
    about = {"full_image": False, "scale": EVAL_SCALE, "exif": "ignore", "view": ""}
    about |= {"resize": "bilinear", "run_name": ""}
    own = {name: options.pop(name, default) for name, default in about.items()}
    unknown = sorted(set(options) - {"io", "output", "keep_float"})
    if unknown:
        raise ValueError(
            f"Expected options among io, output, keep_float, {', '.join(about)}. "
            f"Received: {unknown[0]!r}."
        )
    offered = {"calibration_images": representative, "class_names": class_names, **own}
    offered["options"] = Options(**options)
    return chosen.write(model, path, resolution, **{name: offered[name] for name in chosen.needs})


def _start(path):
    with open(path, "rb") as file:
        return file.read(8)
