"""Does a file of integers answer as the Keras model in few bits that it was made of?

python benchmarks/rounding.py --workdir=DIR [--workdir=OTHER ...] [--images=240]

Takes the students of finished runs. One in floats is put on grids of 8 bits with the ranges that
the run's calibration images show, and is not trained any more; one in few bits stays as it is.
Prints a table of three rows a run: the file beside the Keras model that rounds as LiteRT does, as
it is trained; beside the same one in float numbers with fake quantisers, as others train; and
LiteRT's reference kernels beside its XNNPACK. No time counts, so a busy machine will do.
"""

import argparse
import itertools

import numpy as np

HOW = {
    "file": "rounding as LiteRT does",
    "floats": "fake quantisers in floats",
    "kernels": "LiteRT's reference kernels against its own XNNPACK",
}
HEAD = [
    "| network, 8 bits | images | same class | answers within two steps | equal to the bit |",
    "| --- | ---: | ---: | ---: | ---: |",
]
TINY = 0.01  # of a step: what float32 makes of whole numbers of steps


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--workdir", required=True, action="append", help="a finished run")
    parser.add_argument("--images", type=int, default=240, help="images of its evaluation at most")
    options = parser.parse_args(arguments)
    if options.images < 1:
        parser.error(f"--images must be 1 or more. Received: --images={options.images}.")
    print("\n".join(HEAD))
    for workdir in options.workdir:
        for how, row in compared(*pieces(workdir, options.images)).items():
            print(line(f"{workdir}, {HOW[how]}", row), flush=True)


def pieces(workdir, most):
    """A run's student in few bits, and at most so many test images, float32 `[N, H, W, C]`."""
    from keras_kd.export import few_bits
    from keras_kd.export.material import Material
    from keras_kd.models.wrap import is_quantized, quantize_aware

    material = Material(workdir)

    def shown():
        return np.concatenate(list(material.calibration_images))

    student = material.student
    if is_quantized(student):
        student = few_bits.known_ranges(student, shown)
    else:
        student = quantize_aware(student, images=shown())
    batches = (np.asarray(images) for images, _ in material.run.evaluation_images())
    images = itertools.islice(itertools.chain.from_iterable(batches), most)
    return student, np.stack(list(images))


def compared(student, images):
    """What is measured of a student in few bits.

    Args:
        student: of `keras_kd.models.quantize_aware`, all of whose ranges are known.
        images: float32 `[N, H, W, C]`.

    Returns:
        dict of a key of `HOW` to what `row` gives.
    """
    from keras_kd.export import few_bits
    from keras_kd.models.wrap.rounding import marks_for_a_converter

    content = few_bits.converted(student, None, "int8", "logits")
    file, step = answers(content, images)
    exact = np.concatenate([student(part, training=False) for part in parts(images)])
    with marks_for_a_converter():
        floats = np.concatenate([student(part, training=False) for part in parts(images)])
    return {
        "file": row(file, exact, step),
        "floats": row(file, floats, step),
        "kernels": row(file, answers(content, images, reference=True)[0], step),
    }


def row(one, other, step):
    """How two answers `[N, K]` differ whose numbers are whole steps.

    Returns:
        dict: `images`, N; and shares in [0, 1]: `same_class` of the images, `within_two` and
        `equal` of all N K numbers.
    """
    apart = np.abs(np.asarray(one) - np.asarray(other)) / step
    return {
        "images": len(one),
        "same_class": float(np.mean(np.argmax(one, -1) == np.argmax(other, -1))),
        "within_two": float(np.mean(apart < 2 + TINY)),
        "equal": float(np.mean(apart < TINY)),
    }


def answers(content, images, reference=False):
    """(float64 answers `[N, K]` of an int8 file, their step).

    Args:
        content: the file's bytes.
        images: float32 `[N, H, W, C]` in [-1, 1].
        reference: whether LiteRT's reference kernels run it, in place of what it takes by itself.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kind = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=kind)
    interpreter.allocate_tensors()
    (given,), (told,) = interpreter.get_input_details(), interpreter.get_output_details()
    (scale, zero), (step, offset) = given["quantization"], told["quantization"]
    found = []
    for image in images:
        whole = np.clip(np.round(image[None] / scale) + zero, -128, 127).astype(np.int8)
        interpreter.set_tensor(given["index"], whole)
        interpreter.invoke()
        found.append(interpreter.get_tensor(told["index"])[0].astype(float))
    return (np.array(found) - offset) * step, step


def parts(images, size=60):
    """Batches of some images."""
    return (images[start : start + size] for start in range(0, len(images), size))


def line(name, found):
    """A row of the table."""
    shares = (f"{100 * found[key]:.2f} %" for key in ("same_class", "within_two", "equal"))
    return f"| {name} | {found['images']} | {' | '.join(shares)} |"


if __name__ == "__main__":
    main()
