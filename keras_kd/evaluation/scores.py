"""What labels say about one model: accuracy, accuracy of each class, calibration."""

import numpy as np

from keras_kd.evaluation.calibration import CalibrationError


class ModelScores:
    """Counts of one model's answers, batch by batch; exact, whatever the batches.

    Args:
        num_classes: classes K of the model.
    """

    def __init__(self, num_classes):
        self.seen = np.zeros(num_classes, np.int64)
        self.right = np.zeros(num_classes, np.int64)
        self.calibration = CalibrationError()

    def update(self, classes, logits):
        """Adds a batch.

        Args:
            classes: int `[B]`, the true classes.
            logits: `[B, K]`.

        Raises:
            ValueError: a class that the model does not know.
        """
        classes, count = np.asarray(classes), len(self.seen)
        if classes.size and not 0 <= classes.min() <= classes.max() < count:
            raise ValueError(
                f"Labels must be classes of the model, 0 to {count - 1}. Received: labels from "
                f"{classes.min()} to {classes.max()}. Leave out the labels of other classes."
            )
        right = classes[np.argmax(logits, axis=-1) == classes]
        self.seen += np.bincount(classes, minlength=count)
        self.right += np.bincount(right, minlength=count)
        self.calibration.update(classes, logits)

    def result(self, role):
        """The scores by name, such as `student_accuracy`; nothing where there were no labels.

        Args:
            role: what the names begin with.

        Returns:
            dict: accuracy (share in [0, 1]), ece (in [0, 1]) and per_class, a list of K shares,
            None for a class without examples.
        """
        if not self.seen.any():
            return {}
        shares = [int(r) / int(n) if n else None for r, n in zip(self.right, self.seen)]
        return {
            f"{role}_accuracy": int(self.right.sum()) / int(self.seen.sum()),
            f"{role}_ece": self.calibration.result(),
            f"{role}_per_class": shares,
        }
