"""Every key a run may set, with its default.

An experiment is a file in `configs/` whose `get_config()` starts from `base()` and changes what
differs. Command-line overrides (`--config.distil.total="20 epochs"`) come on top.
"""

import ml_collections

from keras_kd.utils.crops import CROP_AREA, EVAL_SCALE

# Sections whose keys are somebody else's arguments: a builder's, a method's or an optimizer's.
OPTIONS = tuple(f"{name}.optimizer_options" for name in ("teacher.train", "baseline", "distil"))
FREE = ("teacher.model.kwargs", "student.model.kwargs", "distil.methods", *OPTIONS)


def stage(**changes):
    """The settings of one training stage.

    Args:
        **changes: values that differ from the defaults.

    Returns:
        an `ml_collections.ConfigDict`.
    """
    settings = ml_collections.ConfigDict(
        {
            "mode": "same/ic",  # what teacher and student see, see keras_kd.data.modes
            # Lists of image ops in place of the mode's, see keras_kd.data.ops, such as
            # "inception_crop(0.05,1)|flip" and, for mix, "mixup(1.0)"; empty: what the mode says.
            "student_view": "",  # the student's; the teacher's too, where it has none of its own
            "teacher_view": "",  # the teacher's own
            "mix": "",  # how batches are mixed
            "total": "10 epochs",  # length: "500 steps", "10 epochs", "50000 examples"
            "warmup": "5 percent",  # of the total, or in the other units
            "interval": "1 epochs",  # log, evaluate and checkpoint this often
            "optimizer": "adamw",
            # Further arguments of it, such as epsilon, see keras_kd.optimizers.
            "optimizer_options": ml_collections.ConfigDict(),
            "schedule": "cosine",  # or quadratic, staircase, see keras_kd.optimizers.schedules
            # Of a staircase: a tenth of the rate after each.
            "decay_at": ("30 percent", "60 percent", "90 percent"),
            "learning_rate": 3e-3,
            "weight_decay": 1e-4,  # share of a kernel taken away a step at the peak rate
            "clip": 1.0,  # global norm of the gradients; 0 for none
            "label_weight": 1.0,  # factor of the labels' cross-entropy
            "mixup_alpha": 1.0,  # where the mode mixes: Beta(alpha, alpha) of the coefficient
            "rc_scale": EVAL_SCALE,  # resized short side over the side of a random crop
            "ema": 0.0,  # average of the weights: the share that a step keeps, as 0.999; 0 for none
            "prolong": "",  # how a run goes on whose total was raised: stretch, fresh; empty: not
        }
    )
    settings.lock().optimizer_options.unlock()
    settings.update(changes)
    return settings.unlock()


def base():
    """All keys of a run with their defaults.

    Returns:
        an `ml_collections.ConfigDict`, locked but for the free sections.
    """
    config = ml_collections.ConfigDict()
    config.name = "experiment"
    config.seed = 0
    config.batch_size = 128  # global: all replicas together
    config.steps_per_execution = 1
    config.precision = "float32"  # or mixed_bfloat16, mixed_float16
    config.xla = "auto"  # compile the student's step with XLA: auto, on or off
    config.deterministic = False  # fix what is otherwise chosen by timing: equal runs, equal bits
    config.teacher_cache = ""  # folder that keras-kd-teach filled; empty: the teacher runs live
    config.fixed_targets = ""  # folder of the targets of modes fix/*; empty: WORKDIR/targets
    config.checkpoint = ml_collections.ConfigDict(
        {
            "every": "",  # a length, such as "100 steps"; empty: once an interval
            "keep": 2,  # how many of the newest; the best is kept beside them
            "keep_at": (),  # lengths of the distillation whose checkpoints are kept for good
        }
    )
    config.data = ml_collections.ConfigDict(
        {
            "source": "digits",  # digits, tfds:NAME, folder:PATH, tfrecord:PATTERN, a TFDS folder
            "data_dir": "",  # where tfds keeps its data; empty: its default
            "train_split": "train",
            "eval_split": "test",
            "eval_source": "",  # data set of the teacher's classes, where source is of others
            "resolution": 32,  # side of the student's image, px
            "teacher_resolution": 0,  # side of the teacher's; 0: the student's
            "eval_batch_size": 250,
            "eval_scale": EVAL_SCALE,  # resized short side over the central crop that is evaluated
            "eval_full_image": False,  # evaluate on the whole image; eval_scale says nothing then
            "flip": True,
            "crop_area": CROP_AREA,  # inception crop: share of the image
            "allow_bad": 0.01,  # share of unreadable files that is skipped without stopping
        }
    )
    config.teacher = ml_collections.ConfigDict(
        {
            # .keras file, SavedModel folder, bit: or hub handle; "a,b@224": see
            # keras_kd.models.handles; empty: train one
            "handle": "",
            "input_range": (),  # pixel values that a handle expects; empty: [-1, 1] or known
            "init": "",  # pretrained weights to train one from, see keras_kd.models.start_from
            "engine": "auto",  # how it runs, see keras_kd.teachers.freeze; auto: the fastest here
            # An empty name: the network that init brings.
            "model": {"name": "resnet", "kwargs": ml_collections.ConfigDict()},
            "train": stage(),
        }
    )
    config.student = ml_collections.ConfigDict(
        {
            "init": "",  # pretrained weights to start from, see keras_kd.models.start_from
            "model": {"name": "resnet", "kwargs": ml_collections.ConfigDict()},
        }
    )
    config.baseline = stage()
    config.baseline.enabled = True
    config.distil = stage(mode="mix", label_weight=0.0)
    config.distil.fix_crops = 1024  # mode fix/ic_ens: crops whose mean is an example's target
    config.distil.methods = ml_collections.ConfigDict({"soft_targets": {"temperature": 1.0}})
    config.export = ml_collections.ConfigDict(
        {
            "formats": ("all",),  # or some of `keras-kd-export --help`
            "calibration_images": 200,
        }
    )
    config.lock()
    for settings in (config.teacher.train, config.baseline, config.distil):
        settings.optimizer_options.unlock()
    return config


def trained_stages(config):
    """The settings of the stages that a run will train, by their path in the config."""
    stages = {"distil": config.distil}
    if config.baseline.enabled:
        stages["baseline"] = config.baseline
    if not config.teacher.handle:
        stages["teacher.train"] = config.teacher.train
    return stages


def flat(settings, prefix=""):
    """Values of nested dicts by dotted key; an empty dict, as of arguments, is the same as none."""
    found = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found
