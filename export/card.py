"""What a TFLite file says of itself: how its images are made, and what its answers mean."""

import dataclasses
import json

from keras_kd.utils.crops import EVAL_SCALE, as_quotient

LABELS, PREPROCESS = "labels.txt", "preprocess.json"
CHANNELS = {1: "grey", 3: "RGB"}  # as their order; other images come as tensors only


# Kernel of an evaluation -> its words.
RESIZED = {
    "bilinear": "bilinearly without anti-aliasing",
    "bicubic_antialias": "bicubically with anti-aliasing, as Pillow does",
}


@dataclasses.dataclass(frozen=True)
class Card:
    """Facts of one file for whoever runs it.

    Attributes:
        name: of the model.
        shape: (height, width, channels) of its images, px.
        labels: names of the K classes, in the order of the answers.
        full_image: whether the whole image is resized, instead of its central square.
        scale: short side of the image over the side of that square, at least 1.
        output: "logits" or "probabilities".
        exif: "apply" where images are turned upright first, as the camera noted; or "ignore".
        view: text of the ops that make the student's modality, such as "gray"; empty: none do.
        resize: kernel of the resize, a name of `RESIZED`.
    """

    name: str
    shape: tuple
    labels: tuple
    full_image: bool = False
    scale: float = EVAL_SCALE
    output: str = "logits"
    exif: str = "ignore"
    view: str = ""
    resize: str = "bilinear"

    mean = std = 127.5  # of the pixels, 0 to 255: the network sees [-1, 1]

    @property
    def description(self):
        height, width, _ = self.shape
        return (
            f"Image classifier of {len(self.labels)} classes, {height} x {width} px, "
            "distilled by keras-kd."
        )

    @property
    def input_words(self):
        part = "whole image" if self.full_image else f"central square, 1 / {self.scale:g} of it"
        words = f"The {part}, resized {RESIZED[self.resize]}; [0, 255] becomes [-1, 1]"
        return f"{words}, and goes through {self.view}." if self.view else f"{words}."

    @property
    def output_words(self):
        return f"{self.output.capitalize()} of the {len(self.labels)} classes."

    def files(self):
        """dict: name -> bytes of the files that go into the model file and beside it."""
        return {
            LABELS: ("\n".join(map(one_line, self.labels)) + "\n").encode(),
            PREPROCESS: (json.dumps(self.preprocess(), indent=2) + "\n").encode(),
        }

    def preprocess(self):
        """The preparation of an image in the order of its steps, for `preprocess.json`."""
        height, width, channels = self.shape
        crop = {"box": "whole_image"}
        if not self.full_image:
            # side = (2 * q * short + p - 1) // (2 * p) of [p, q]: whole numbers, alike everywhere
            quotient = list(as_quotient(self.scale))
            crop = {"box": "central_square", "scale": self.scale, "quotient": quotient}
        return {
            "exif": self.exif,
            "channels": CHANNELS.get(channels, f"{channels} channels"),
            "crop": crop,
            "height": height,
            "width": width,
            "interpolation": self.resize.partition("_")[0],
            "antialias": self.resize.endswith("_antialias"),
            "scale": 1 / self.std,
            "offset": -self.mean / self.std,
            # After scale and offset, in this order.
            **({"view": ops_of(self.view)} if self.view else {}),
            "output": self.output,
            "labels": LABELS,
        }


def ops_of(view):
    """The ops of a modality's text in order, list of `{"op": name, "arguments": [numbers]}`."""
    from keras_kd.data.modality import Modality  # which loads TensorFlow

    return [
        {"op": op.name, "arguments": list(dataclasses.astuple(op))}
        for op in Modality.parse(view).ops
    ]


def one_line(name):
    """A name that keeps to its line in a text file."""
    return " ".join(name.splitlines()) or " "
