"""One experiment a method on one task, so that their results can be compared.

`experiment()` is the shared base: a file here says only what its method needs.
"""

from keras_kd.config import base, stage


def experiment(name, methods, label_weight=1.0):
    """A small ResNet teaches a smaller one on 5,000 CIFAR-10 images.

    Args:
        name: name of the experiment, that of its file.
        methods: dict from method to arguments, see `keras_kd.methods`.
        label_weight: factor of the labels' cross-entropy beside the methods.

    Returns:
        an `ml_collections.ConfigDict`. It evaluates on 5,000 training images that nothing learns
        from; the test split is left for a final comparison.
    """
    config = base()
    config.name = name
    config.deterministic = True
    config.batch_size = 64
    config.data.source = "tfds:cifar10_jpeg"
    config.data.train_split = "train[:5000]"
    config.data.eval_split = "train[45000:]"
    config.data.resolution = 32
    config.data.eval_full_image = True
    config.data.crop_area = (0.6, 1.0)
    options = {"norm": "batch", "synchronized": False, "dropout": 0.0}
    config.teacher.model = {"name": "resnet", "kwargs": {"depth": 20, "width": 1.0, **options}}
    config.teacher.train = stage(mode="same/ic", total="20 epochs", interval="5 epochs")
    config.student.model = {"name": "resnet", "kwargs": {"depth": 8, "width": 0.5, **options}}
    config.baseline.update(mode="same/ic", total="20 epochs", interval="5 epochs")
    config.distil.update(mode="same/ic", total="20 epochs", interval="5 epochs")
    config.distil.label_weight = label_weight
    config.distil.methods = methods
    return config


def taps(*names):
    """The same layers tapped on both sides, as arguments of a method."""
    return {"student_taps": list(names), "teacher_taps": list(names)}


def before_relu(*stages):
    """The sums before the last ReLU of some stages, of ResNet-8 and ResNet-20."""
    return {
        "student_taps": [f"stage{stage}_block1_add" for stage in stages],
        "teacher_taps": [f"stage{stage}_block3_add" for stage in stages],
    }
