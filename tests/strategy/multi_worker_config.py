"""Config of the runs across processes: small networks with group norm, a teacher from a file."""

from keras_kd.config import base


def get_config(teacher):
    config = base()
    config.deterministic = True
    config.batch_size = 16
    config.data.resolution = 8
    config.data.eval_full_image = True
    config.data.train_split = "train[:64]"
    config.data.eval_split = "test[:50]"
    config.teacher.handle = teacher
    config.teacher.input_range = (-1, 1)
    config.teacher.accept = True  # its weights are random
    config.student.model = {
        "name": "bit_resnet",
        "kwargs": {"depth": (1, 1), "width": 0.125, "small_root": True},
    }
    config.baseline.enabled = False
    config.distil.update({"total": "30 steps", "interval": "3 steps", "warmup": "0 steps"})
    config.distil.learning_rate = 1e-3
    config.checkpoint.keep = 100
    config.xla = "off"  # what XLA compiles is tested elsewhere, and takes long
    config.export.formats = ()
    return config
