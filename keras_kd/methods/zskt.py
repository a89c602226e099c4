"""Zero-shot knowledge transfer: a generator seeks images on which the student is wrong."""

import keras

from keras_kd.methods.generated import GeneratorMethod
from keras_kd.methods.response import softened_kl


@keras.saving.register_keras_serializable(package="keras_kd")
class ZSKT(GeneratorMethod):
    """A generator learns to make images on which student and teacher differ, and the student there.

    The generator climbs KL(teacher || student), through both, which are in inference mode. In the
    paper the student takes ten steps on the images of each step of the generator
    (`student_steps=10`); with one, let the generator learn the slower.

    Knowledge: response. Needs: a teacher that is a Keras model, and a method by which the
    student follows it: `SoftTargets` and, in the paper, `AttentionTransfer`; no image, no label.
    Paper: Micaelli, Storkey 2019, arXiv 1905.09768.

    Args:
        **kwargs: as for `GeneratorMethod` (`noise`, `width`, `steps`, `student_steps`) and
            `Method`.
    """

    scheme = "data-free"
    several_sources = True

    def __init__(self, **kwargs):
        super().__init__(source=("student", "teacher"), **kwargs)

    def call(self, batch, student, teacher):
        return -softened_kl(teacher["teacher"]["logits"], teacher["student"]["logits"], 1.0)
