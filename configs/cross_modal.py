"""Digits in another modality: whoever sees all of an image teaches who sees its outlines only.

Task: 1,297 training images of 8x8 grey pixels, of which 30 are labelled; 500 test images.
Teacher: a network that learned from labelled images as they are, such as the demo's; without a file
it learns from the 30 labels here.
Student: sees `data.student_view` of the very crops that the teacher sees, and no label: it follows
the teacher's answers. (Gupta et al. match a middle layer and then fine-tune; answers need no layers
of one size, and any method of keras_kd.methods may stand beside them.)
Baseline: the same network on the 30 labels, in the same modality.
Paper: Gupta et al. 2016, "Cross Modal Distillation for Supervision Transfer", arXiv 1507.00448.
Command: keras-kd-train --config=configs/digits.py --workdir=workdir/digits; then keras-kd-train
    --config=configs/cross_modal.py:workdir/digits/teacher.keras --workdir=workdir/cross_modal
Published result: none on digits (the paper's are detectors on depth). Ours: docs/results.md.
"""

from keras_kd.configs import digits


def get_config(teacher=""):
    """The demo's config with a modality and few labels.

    Args:
        teacher: file of a teacher that has learned; empty: it is trained on the few labels.
    """
    config = digits.get_config()
    config.name = "cross_modal"
    config.data.student_view = "edges"  # or "lowres:4", "blur:1"; of colours "gray"
    config.data.labels_per_class = 3
    config.batch_size = 30  # no more than there are labels
    config.teacher.handle = teacher
    if teacher:
        config.stages = ("baseline", "distil")
    config.baseline.update(total="1200 steps", interval="300 steps", mode="same/ic")
    config.distil.update(total="1200 steps", interval="300 steps", mode="same/ic")
    return config
