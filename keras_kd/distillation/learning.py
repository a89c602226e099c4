"""How learners learn: an optimizer each, on variables of its own."""

import keras

from keras_kd.distribution.replicas import sum_first


def optimizers_of(optimizer, learners):
    """An optimizer for every learner.

    Args:
        optimizer: a Keras optimizer or its name, of which every learner gets one of its own; or a
            dict with one for each learner.
        learners: names of the learners.

    Returns:
        dict of name to Keras optimizer, in the order of the learners.

    Raises:
        ValueError: a dict that lacks a learner, names none, or holds one optimizer twice.
    """
    if not isinstance(optimizer, dict):
        first = keras.optimizers.get(optimizer)
        copies = [type(first).from_config(first.get_config()) for _ in learners[1:]]
        return dict(zip(learners, [first, *copies]))
    if set(optimizer) != set(learners):
        raise ValueError(
            f"Each learner needs an optimizer: {', '.join(learners)}. Received: optimizer of "
            f"{', '.join(optimizer) or 'none'}. Give one for each by name, or one alone, of which "
            "each gets a copy."
        )
    found = {name: keras.optimizers.get(optimizer[name]) for name in learners}
    if len({id(each) for each in found.values()}) < len(found):
        raise ValueError(
            "An optimizer belongs to one learner, since it holds that one's momenta. Received: "
            f"one object for several of {', '.join(learners)}. Make one for each."
        )
    return found


def prepared(optimizers, learners, variables, scale_loss, several):
    """The optimizers, built, and with a loss scale of their own where a learner needs it.

    Args:
        optimizers: dict of name to Keras optimizer; the first may have its loss scale already.
        learners: dict of name to Keras model.
        variables: dict of name to the list of variables that each updates.
        scale_loss: whether a learner in float16 gets a loss scale.
        several: whether there are several replicas.

    Raises:
        ValueError: a learner that was frozen since the model was made.
    """
    found = {}
    for name, optimizer in optimizers.items():
        if not variables[name]:
            raise ValueError(
                f"The {name} must have weights to train. Received: {learners[name].name!r}, which "
                "was frozen after KDModel was made. Thaw it before compile: model.trainable = True."
            )
        half = learners[name].dtype_policy.name == "mixed_float16"
        scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        if half and scale_loss and not scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
        if several:
            sum_first(optimizer)
        optimizer.build(variables[name])
        found[name] = optimizer
    return found
