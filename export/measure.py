"""Is the file's answer the student's, and how long does an image take?"""

import numpy as np
from scipy.special import softmax

from keras_kd.export.network import logits_of, student_of

# By what a file answers: the same of the student's logits, and what a difference is one of.
SAME = {
    "logits": (lambda logits: logits, "logit"),
    "probabilities": (lambda logits: softmax(logits, axis=-1), "probability"),
}


def compare(model_or_logits, runner, dataset, progress=None):
    """As `verify`, for a file that is open, see `keras_kd.export.format.Format.open`."""
    reference = _reference(model_or_logits)
    same, unit = SAME[getattr(runner, "output", "logits")]
    examples = labelled = correct = agreed = 0
    difference = 0.0
    for batch in dataset:
        images, labels = images_and_labels(batch)
        expected, received = reference(examples, images), runner(images)
        _check_same(expected, received)
        expected = same(expected)
        top = received.argmax(-1)
        agreed += int((top == expected.argmax(-1)).sum())
        difference = max(difference, float(np.abs(expected - received).max()))
        if labels is not None:
            labelled += len(top)
            correct += int((top == labels).sum())
        examples += len(top)
        if progress:
            progress(examples)
    _check_count(examples, model_or_logits)
    return {
        "accuracy": correct / labelled if labelled else None,
        "agreement_with_keras": agreed / examples,
        f"max_abs_{unit}_difference": difference,
        "examples": examples,
    }


def time_one_image(runner, runs=100, warmup=10):
    """As `benchmark`, for a file that is open, see `keras_kd.export.format.Format.open`."""
    if runs < 1 or warmup < 0:
        raise ValueError(
            f"Expected runs >= 1 and warmup >= 0. Received: runs={runs}, warmup={warmup}."
        )
    image = np.random.default_rng(0).uniform(-1, 1, (1, *runner.image_shape)).astype(np.float32)
    for _ in range(warmup):
        runner.timed(image)
    milliseconds = 1e3 * np.array([runner.timed(image) for _ in range(runs)])
    return {
        "latency_ms": float(np.median(milliseconds)),
        "p90_ms": float(np.percentile(milliseconds, 90)),
        "runs": runs,
        "threads": runner.threads,
    }


def keras_logits(model, dataset):
    """Logits float32 `[N, K]` of a Keras model in inference mode, and labels `[N]` or None."""
    import tensorflow as tf

    model = student_of(model)
    forward = tf.function(lambda x: logits_of(model, x), reduce_retracing=True)
    logits, labels = [], []
    for batch in dataset:
        images, truth = images_and_labels(batch)
        logits.append(forward(tf.constant(images)).numpy())
        labels.append(truth)
    if not logits:
        raise ValueError("Expected images to evaluate on. Received: an empty dataset.")
    known = all(truth is not None for truth in labels)
    return np.concatenate(logits), np.concatenate(labels) if known else None


def _reference(model_or_logits):
    """A function (first index, images) -> the Keras student's logits."""
    if not callable(model_or_logits):
        logits = np.asarray(model_or_logits, np.float32)
        return lambda start, images: logits[start : start + len(images)]
    model = student_of(model_or_logits)
    return lambda start, images: logits_of(model, images).numpy()


def images_and_labels(batch):
    """Float32 images `[B, H, W, C]` of a batch, and labels int `[B]` or None."""
    images, labels = batch if isinstance(batch, (tuple, list)) else (batch, None)
    if isinstance(images, dict):
        images = images.get("student", images.get("image"))
    if labels is not None:
        labels = np.asarray(labels)
        labels = labels.argmax(-1) if labels.ndim == 2 else labels
    return np.asarray(images, np.float32), labels


def _check_same(expected, received):
    if expected.shape[1:] != received.shape[1:] or len(expected) != len(received):
        raise ValueError(
            f"Expected the Keras student's logits of shape {received.shape} for this batch. "
            f"Received: shape {expected.shape}. Give logits of the same student and dataset."
        )


def _check_count(examples, model_or_logits):
    if not examples:
        raise ValueError("Expected images to compare on. Received: an empty dataset.")
    if not callable(model_or_logits) and len(model_or_logits) != examples:
        raise ValueError(
            f"Expected logits of the {examples} images of the dataset. "
            f"Received: {len(model_or_logits)} rows. Give logits of the same dataset."
        )
