"""What a KDModel refuses before its first step."""

import keras

from keras_kd.data.labels import CLASSES
from keras_kd.methods.logits import LogitMethod
from keras_kd.models.answers import is_binary, is_normalized

ADVICE = (
    "To keep the best weights, ModelCheckpoint('best.weights.h5', save_weights_only=True); to keep "
    "a student, kd.student.save('student.keras') after the training."
)


def refuse_whole_models(callbacks):
    """Refuses callbacks that would save a KDModel as a model: only the student leaves.

    Args:
        callbacks: what `fit` was given: a list, one callback, a `CallbackList`, or None.

    Raises:
        NotImplementedError: a `ModelCheckpoint` that saves whole models, as `KDModel.save` does.
    """
    callbacks = getattr(callbacks, "callbacks", callbacks) or []
    for callback in callbacks if isinstance(callbacks, list | tuple) else [callbacks]:
        saves = isinstance(callback, keras.callbacks.ModelCheckpoint)
        if saves and not callback.save_weights_only:
            raise NotImplementedError(
                "A KDModel is a way to train, and does not save as a model. Received: "
                f"ModelCheckpoint({callback.filepath!r}, save_weights_only=False). {ADVICE}"
            )


def refuse_idle(learners, methods, passes):
    """Refuses learners that have nothing to learn from.

    Args:
        learners: dict by name.
        methods: list of `keras_kd.methods.Method`.
        passes: list of `keras_kd.distillation.passes.Pass`.

    Raises:
        ValueError: a learner without a loss, or one that follows the very logits it gives.
    """
    for method in methods:
        own = method.learner in method.sources and not method.student_taps
        if own and isinstance(method, LogitMethod):
            raise ValueError(
                "Nothing is learned from logits that are compared with themselves. Received: "
                f"learner={method.learner!r}, source={method.learner!r} of the method "
                f"{method.name!r}. Name another network as its source."
            )
    taught = {name for one in passes for name in one.phase.learners}
    idle = [name for name in learners if name not in taught]
    if idle == ["student"] and not passes:
        raise ValueError(
            "There is nothing to learn from. Received: methods=None, label_weight=0. Give a "
            "method, for example keras_kd.methods.SoftTargets(), or a label_weight above 0."
        )
    if idle:
        raise ValueError(
            f"Every learner needs a loss. Received: no method with learner={idle[0]!r}. Give one, "
            f"for example keras_kd.methods.SoftTargets(learner={idle[0]!r}, source=...)."
        )


def refuse_two_evaluated(followers):
    """Refuses a second network in the student's place.

    Args:
        followers: list of `keras_kd.distillation.followers.Follower`.

    Raises:
        ValueError: several that are to be evaluated.
    """
    names = [follower.name for follower in followers if follower.evaluated]
    if len(names) > 1:
        raise ValueError(
            "One average alone can be evaluated in the student's place, and leave. Received: "
            f"{', '.join(names)}. Take one out: a stage's `ema` is one, and the method "
            "mean_teacher brings one unless it has leaves=False."
        )


def refuse_answers(methods, sources):
    """Refuses methods that cannot learn from what their sources answer.

    Args:
        methods: list of `keras_kd.methods.Method`.
        sources: dict of name to network, of those that are known.

    Raises:
        ValueError: a method that needs the logits themselves, of a source that gives
            log-probabilities; one of classes that shut each other out, of a source that speaks of
            each by itself.
    """
    for method in methods:
        for name in () if method.teacher_taps else method.sources:
            source = sources.get(name)
            if method.needs_raw_logits and is_normalized(source):
                raise ValueError(
                    f"The method {method.name!r} needs the logits of its {name} themselves: a "
                    f"number added to all of them would change what is learned. Received: "
                    f"{source.name!r}, which gives log-probabilities, as a softmax whose logits no "
                    "graph shows and the mean of an ensemble do. Take a method such as "
                    "soft_targets, or a teacher that ends in its logits."
                )
            if method.label_kind is CLASSES and is_binary(source):
                raise ValueError(
                    f"The method {method.name!r} learns which one of the classes it is. Received: "
                    f"{source.name!r} as {name}, which ends in sigmoids: it says of each class by "
                    "itself whether it is there, and several may be. Take binary_soft_targets."
                )
