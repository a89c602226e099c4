"""Schemes of who teaches whom, each on the embedded digits, in a minute or two on a CPU."""

from keras_kd.configs import digits


def scheme(name, methods, label_weight=1.0, mode="same/ic"):
    """A student of the demo that no fixed teacher teaches, beside the same one on labels alone.

    Args:
        name: name of the experiment, that of its file.
        methods: dict from method to arguments, see `keras_kd.methods`.
        label_weight: factor of the labels' cross-entropy.
        mode: what the student sees.

    Returns:
        an `ml_collections.ConfigDict`.
    """
    config = digits.get_config()
    config.name = name
    config.stages = ("baseline", "distil")
    config.distil.teachers = ()
    config.distil.update(mode=mode, total="40 epochs", label_weight=label_weight)
    config.distil.methods = methods
    return config


def data_free(name, arguments=None, teacher="", rate=1e-3):
    """The demo's student, that sees no image but those a network makes, beside one on labels.

    Args:
        name: name of the experiment and of its method.
        arguments: of the method.
        teacher: file of a teacher of the digits; then nothing is read but the test images. Empty:
            one is trained on the digits.
        rate: peak learning rate of the generator.

    Returns:
        an `ml_collections.ConfigDict`.
    """
    config = digits.get_config()
    config.name = name
    if teacher:
        config.stages = ("distil",)
        config.data.source, config.data.eval_source = "none:10,8,1", "digits"
        config.teacher.handle = teacher
    config.distil.update(mode="same/ic", total="1500 steps", interval="10 percent")
    config.distil.methods = {name: arguments or {}}
    if name != "random_noise":
        config.distil.methods.soft_targets = {"temperature": 1.0}
        config.distil.optimizers.generator = {"learning_rate": rate, "weight_decay": 0.0}
    return config


def adversarial(name, arguments=None):
    """The demo's teacher and student, with a critic between them.

    Args:
        name: name of the experiment and of its method.
        arguments: of the method.

    Returns:
        an `ml_collections.ConfigDict`.
    """
    config = digits.get_config()
    config.name = name
    config.distil.update(mode="same/ic", total="40 epochs", label_weight=1.0)
    config.distil.methods = {name: arguments or {}}
    config.distil.optimizers.critic = {"learning_rate": 1e-3, "weight_decay": 0.0}
    return config
