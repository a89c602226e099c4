"""What a KDModel logs: its losses by name, and the compiled metrics where there are labels."""

import keras
import tensorflow as tf

from keras_kd.data.batch import weight_of


class Results:
    """Mixin for `keras.Model`: trackers of losses by name, and metrics that do without labels."""

    def _make_trackers(self, learners):
        """A tracker for each method, for each learner's loss but the student's, for fidelity."""
        self._trackers = {m.name: keras.metrics.Mean(name=m.name) for m in self.methods}
        others = {n: keras.metrics.Mean(name=f"{n}_loss") for n in learners if n != "student"}
        self._loss_trackers = others
        names = ("kl", "agreement") if self.fidelity else ()
        self._fidelity = {name: keras.metrics.Mean(name=name) for name in names}

    def _track(self, done, count):
        """Takes in what the phases of a step gave; returns the names of the results."""
        totals, names = {}, {"loss"}
        for one, images, _, losses, means, _ in done:
            for learner, mean in zip(one.phase.learners, means):
                mean = mean / one.phase.repeats
                totals[learner] = totals[learner] + mean if learner in totals else mean
            for name, value in losses.items():
                self._trackers[name].update_state(value * weight_of(images))
                names.add(name)
        for learner, total in totals.items():
            tracker = self._loss_trackers.get(learner, self._loss_tracker)
            tracker.update_state(total, sample_weight=count)
            names.add(tracker.name)
        return names

    def _logs(self, batch, logits, names):
        """This phase's own results by name, and the compiled metrics where there are labels."""
        results, own = self.get_metrics_result(), set(names)
        if "labels" in batch and logits is not None:
            labels, counted = self.label_kind.counted(batch["labels"], logits)
            for metric in self.metrics:
                if not getattr(metric, "built", True):
                    # New variables cannot wait for a batch: TensorFlow fills them before the step.
                    with tf.control_dependencies(None):
                        metric.build(labels, counted)
            weight = self.label_kind.known(batch["labels"], batch.get("sample_weight"))
            results = self.compute_metrics(None, labels, counted, weight)
            trackers = (self._trackers, self._loss_trackers, self._fidelity)
            mine = {metric.name for group in trackers for metric in group.values()}
            own = results.keys() - {"loss", *mine} | own
        return {name: value for name, value in results.items() if name in own}

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """As in Keras, but labels may be missing."""
        if y is None:
            return self.get_metrics_result()
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def get_metrics_result(self):
        """As in Keras, but leaves out metrics that have not seen a label yet."""
        results = {}
        for metric in self.metrics:
            if getattr(metric, "built", True):
                value = metric.result()
                results.update(value if isinstance(value, dict) else {metric.name: value})
        return results
