"""Teachers that know only some of the classes each: one that knows all of them."""

import keras
import numpy as np
from keras import ops

from keras_kd.teachers.combine.base import Combination, shares, stacked


def united(known, count, weights):
    """The linear map of least squares from what each teacher knows to all classes.

    Args:
        known: for each teacher the indices of its classes.
        count: number of all classes, K.
        weights: one number per teacher.

    Returns:
        float64 `[M, K, K]`: logits u = sum_m z_m @ map[m] minimise sum_m w_m sum_c (u_c + b_m -
        z_mc)² over u and a level b_m for each teacher, c among the classes of m. Of several such u
        it is the smallest: where no teacher joins two groups of classes, each group is centred.
    """
    centring = np.zeros((len(known), count, count))
    for centre, classes, weight in zip(centring, known, weights, strict=True):
        own = np.eye(len(classes)) - 1 / len(classes)  # takes out the teacher's level
        centre[np.ix_(classes, classes)] = weight * own
    return centring @ np.linalg.pinv(centring.sum(axis=0), hermitian=True)


@keras.saving.register_keras_serializable(package="keras_kd")
class UniteClasses(Combination):
    """Logits of teachers that each know some of the classes to logits of all classes.

    A teacher's logits are known but for a number that each example has of its own, and tell nothing
    of classes that it does not know. The logits that fit all teachers best, in least squares and
    with a free level for each teacher, are a linear function of theirs. Teachers that share classes
    are put on one level by these; where none does, each teacher's logits are centred: who tells
    its classes apart clearly wins. Of teachers that know all classes it is the mean of logits, but
    for that number.

    Paper: Vongkulbhaisal et al. 2019, "Unifying Heterogeneous Classifiers with Distillation", arXiv
    1904.06062, from its abstract: the simplest form, in the space of logits.

    Args:
        weights: one positive number per teacher, summing to 1.
        known: for each teacher the indices of its classes.
        num_classes: number of all classes, K.
    """

    normalized = True  # they are logits but for a number that each example has of its own
    some_classes = True

    def __init__(self, weights, known, num_classes, **kwargs):
        super().__init__(weights, **kwargs)
        self.known = [list(map(int, classes)) for classes in known]
        self.num_classes = int(num_classes)
        self._maps = united(self.known, self.num_classes, self.weights_of_teachers)

    @classmethod
    def of(cls, count, known=None, num_classes=None, weights=None):
        """As `Combination.of`.

        Raises:
            ValueError: a class that no teacher knows.
        """
        values = shares(weights, count)
        num_classes = num_classes or 2  # to look at the weights alone
        every = list(range(num_classes))
        known = [every if classes is None else classes for classes in known or [None] * count]
        if missing := sorted(set(every).difference(*known)):
            raise ValueError(
                "each class of the data must be known to one teacher at least. Received: teachers "
                f"of {', '.join(str(len(one)) for one in known)} classes, none of whom knows "
                f"{len(missing)} of the {num_classes}: those of index {_few(missing)}. Add a "
                "teacher of these, or leave the classes out of the data."
            )
        return cls(values, known, num_classes)

    def call(self, logits):
        maps = ops.convert_to_tensor(self._maps.astype("float32"))
        return ops.sum(ops.matmul(stacked(logits), maps), axis=0)

    def get_config(self):
        return {**super().get_config(), "known": self.known, "num_classes": self.num_classes}


def _few(indices, count=5):
    told = ", ".join(map(str, indices[:count]))
    return told + (" and more" if len(indices) > count else "")
