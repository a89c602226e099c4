"""Fixed targets in memory, joined to the batches of any step by the examples' ids."""

import numpy as np
import tensorflow as tf


class FixedTargets:
    """One row of logits for each example, joined to batches by their `id`.

    Args:
        ids: int64 `[N]`, unique.
        targets: float32 `[N, K]`. They are held in memory.
    """

    def __init__(self, ids, targets):
        self.ids, self.targets = np.asarray(ids, np.int64), np.asarray(targets, np.float32)
        self._order = np.argsort(self.ids)
        self._sorted = self.ids[self._order]

    def of(self, ids):
        """The targets of some examples.

        Args:
            ids: int `[B]`.

        Returns:
            float32 `[B, K]`.

        Raises:
            ValueError: an example without a target.
        """
        places = np.minimum(np.searchsorted(self._sorted, ids), len(self._sorted) - 1)
        unknown = np.flatnonzero(self._sorted[places] != ids)
        if len(unknown):
            raise ValueError(
                "Every example of a batch needs a target. Received: a batch with id "
                f"{ids[unknown[0]]}, which has none. Compute targets of the split that is trained "
                "on."
            )
        return self.targets[self._order[places]]

    def join(self, data, start=0, until=None):
        """Training batches with `teacher_logits`.

        Args:
            data: `tf.data.Dataset` of `(x, y)`, x a dict with `id`, as `build_dataset` makes it
                with `with_ids=True`.
            start, until: the first step and the one after the last; targets do not depend on them.

        Returns:
            `tf.data.Dataset` of `(x, y)`, x with `teacher_logits` float32 `[B, K]`.

        Raises:
            ValueError: batches without ids.
        """
        x, _ = data.element_spec
        if not isinstance(x, dict) or "id" not in x:
            raise ValueError(
                "Fixed targets are joined by the examples' ids. Received: batches without 'id'. "
                "Make them with build_dataset(..., with_ids=True)."
            )

        def joined(x, y):
            logits = tf.numpy_function(self.of, [x["id"]], tf.float32, stateful=False)
            logits = tf.ensure_shape(logits, [x["id"].shape[0], self.targets.shape[1]])
            return {**x, "teacher_logits": logits}, y

        return data.map(joined).prefetch(tf.data.AUTOTUNE).with_options(data.options())

    def plan(self, start, stop):
        """As `CachedTargets.plan`: there are targets for every step."""
        return stop, True

    def of_worker(self, worker_index, num_workers):
        """As `CachedTargets.of_worker`: the ids of a worker's rows say which targets are theirs."""
        return self
