"""Digits with a student of cheaper operations: the demo's teacher with other convolutions.

Each 3x3 convolution of the teacher becomes a depthwise and a pointwise one, the nearest to it, or
an inverted bottleneck; the student so starts from what its teacher knows, and follows it.

Paper: Chollet 2017, "Xception", arXiv 1610.02357; Sandler et al. 2018, "MobileNetV2", arXiv
1801.04381; the start as Jaderberg et al. 2014, arXiv 1405.3866, factorise kernels.
Command: keras-kd-train --config=configs/efficient_digits.py --workdir=workdir/efficient; with
efficient_digits.py:inverted_bottleneck the other operation, with efficient_digits.py:bit,separable
a BiT (group norm, weight standardisation) as the teacher.
Published result: none on digits. Ours: docs/results.md, in about two minutes.
"""

from keras_kd.configs import digits

OPERATIONS = ("separable", "inverted_bottleneck")
TEACHERS = ("resnet", "bit")


def get_config(arguments=""):
    """The demo's config with a student made of its teacher.

    Args:
        arguments: an operation, a teacher, or both with a comma between.

    Raises:
        ValueError: something else.
    """
    operation, teacher = OPERATIONS[0], TEACHERS[0]
    for one in filter(None, arguments.split(",")):
        if one not in OPERATIONS + TEACHERS:
            raise ValueError(
                f"efficient_digits.py takes {', '.join(OPERATIONS + TEACHERS)}. Received: {one!r}. "
                "Write --config=configs/efficient_digits.py:bit,separable, for example."
            )
        operation, teacher = (one, teacher) if one in OPERATIONS else (operation, one)
    config = digits.get_config()
    config.name = f"efficient_digits_{teacher}_{operation}"
    if teacher == "bit":
        kwargs = {"depth": (1, 1), "width": 0.5, "small_root": True}
        config.teacher.model = {"name": "bit_resnet", "kwargs": kwargs}
    config.student.model = {
        "name": "efficient",
        "kwargs": {"operation": operation, "rank": 1, "images": 1000},
    }
    # It begins near its teacher, which a high rate would undo.
    config.baseline.learning_rate = config.distil.learning_rate = 1e-3
    return config
