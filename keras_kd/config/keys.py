"""Every key a run may set, with its default.

An experiment is a file in `configs/` whose `get_config()` starts from `base()` and changes what
differs. Command-line overrides (`--config.distil.total="20 epochs"`) come on top.

Beside the sections of `base()` a run may have sections of its own: what `stage()` makes is a stage,
what `network()` makes is a network, and a network that holds a stage as `train` may stand in
`config.stages` by its own name. A new key's default is what runs before it did.
"""

import json

import ml_collections

from keras_kd.utils.crops import CROP_AREA, EVAL_SCALE

# Sections whose keys are somebody else's arguments: a builder's, a method's or an optimizer's.
FREE = ("kwargs", "methods", "optimizer_options", "optimizers")


def stage(**changes):
    """The settings of one training stage.

    Args:
        **changes: values that differ from the defaults.

    Returns:
        an `ml_collections.ConfigDict`.
    """
    settings = ml_collections.ConfigDict(
        {
            "enabled": True,  # False: left out, as if `config.stages` did not name it
            # Whose weights are trained: name of a section that `network()` made; empty: student,
            # or the network that holds this stage as its `train`.
            "network": "",
            # Further networks that learn beside it, such as peers: names of sections that
            # `network()` made. Each has its own first weights and optimizer, and none leaves.
            "learners": (),
            # Whom it follows: names of earlier stages or of networks with a handle, or handles
            # themselves; several are an ensemble. Empty: it learns from labels alone.
            "teachers": (),
            # How several become one: name of a file in keras_kd/teachers/combine, and its
            # arguments, such as weights.
            "combine": {"name": "mean_probabilities", "kwargs": ml_collections.ConfigDict()},
            # What is matched: arguments of each by its name, see keras_kd.methods.
            "methods": ml_collections.ConfigDict(),
            # Names, or numbers from 0, of the classes whose images it sees, and which it learns to
            # tell from one another; a network that is built for it knows no others. Empty: all.
            "classes": (),
            "seed": 0,  # added to the run's for the network's first weights: another draw of them
            "mode": "same/ic",  # what teacher and student see, see keras_kd.data.modes
            # Lists of image ops in place of the mode's, see keras_kd.data.ops, such as
            # "inception_crop(0.05,1)|flip" and, for mix, "mixup(1.0)"; empty: what the mode says.
            "student_view": "",  # the student's; the teacher's too, where it has none of its own
            "teacher_view": "",  # the teacher's own
            # How batches are mixed: a mixer, or several as "mixup(0.8)|cutmix(1.0)", of which one
            # is drawn for each batch.
            "mix": "",
            # Repeated augmentation: how often each image stands in a batch, in other views.
            "repeats": 1,
            "fix_crops": 1024,  # mode fix/ic_ens: crops whose mean is an example's target
            "total": "10 epochs",  # length: "500 steps", "10 epochs", "50000 examples"
            "warmup": "5 percent",  # of the total, or in the other units
            "interval": "1 epochs",  # log, evaluate and checkpoint this often
            "optimizer": "adamw",
            # Further arguments of it, such as epsilon, see keras_kd.optimizers.
            "optimizer_options": ml_collections.ConfigDict(),
            # What differs for one learner, such as a generator, by its name: a section with some of
            # optimizer, optimizer_options, schedule, decay_at, warmup, learning_rate, weight_decay
            # and clip.
            "optimizers": ml_collections.ConfigDict(),
            "schedule": "cosine",  # or quadratic, staircase, see keras_kd.optimizers.schedules
            # Of a staircase: a tenth of the rate after each.
            "decay_at": ("30 percent", "60 percent", "90 percent"),
            "learning_rate": 3e-3,
            "first_rate": 0.0,  # rate that the warm-up begins with, and
            "last_rate": 0.0,  # that the run ends with; a staircase has neither
            "weight_decay": 1e-4,  # share of a kernel taken away a step at the peak rate
            "clip": 1.0,  # global norm of the gradients; 0 for none
            "label_weight": 1.0,  # factor of the labels' cross-entropy
            "mixup_alpha": 1.0,  # where the mode mixes: Beta(alpha, alpha) of the coefficient
            "rc_scale": EVAL_SCALE,  # resized short side over the side of a random crop
            "ema": 0.0,  # average of the weights: the share that a step keeps, as 0.999; 0 for none
            "prolong": "",  # how a run goes on whose total was raised: stretch, fresh; empty: not
        }
    )
    free(settings.lock())
    settings.update(changes)
    return settings.unlock()


class OpenConfig(ml_collections.ConfigDict):
    """A config that is locked against mistyped keys, but open to further stages and networks."""

    def __setitem__(self, key, value):
        if key in self or kind_of(value) is None or not self.is_locked:
            super().__setitem__(key, value)
            return
        with self.unlocked():
            super().__setitem__(key, value)
        free(self)


def network(name="resnet", train=None, **kwargs):
    """The section of one network of a run.

    Args:
        name: a builder of `keras_kd.models`; empty: the network that `init` brings.
        train: what `stage()` made, the stage that trains this network from labels or from
            teachers of its own; then the section's name may stand in `config.stages`.
        **kwargs: arguments of the builder.

    Returns:
        an `ml_collections.ConfigDict`.
    """
    section = OpenConfig(
        {
            # .keras file, SavedModel folder, bit:, keras:, onnx:, tflite: or hub handle of a
            # network that has learned already; "a,b@224": see keras_kd.utils.handles; empty: a
            # stage trains it.
            "handle": "",
            "input_range": (),  # pixel values that handle or init expect; empty: [-1, 1] or known
            # In its place: "imagenet", or "(means), (deviations)" of the channels in [0, 1].
            "normalization": "",
            "layout": "",  # of the images in an onnx: or tflite: file, nhwc or nchw; empty: found
            "output": "",  # name of the output that is the logits, of handle or init; empty: found
            "activation": "",  # what stands behind them: linear, softmax or sigmoid; empty: found
            "classes": "",  # file of the names of its classes, one a line, in its order
            "accept": False,  # True: let it teach although it is right no more often than chance
            "init": "",  # pretrained weights to train it from, see keras_kd.models.start_from
            "engine": "auto",  # how it teaches, see keras_kd.teachers.freeze; auto: the fastest
            # An empty name: the network that init brings.
            "model": {"name": name, "kwargs": ml_collections.ConfigDict(kwargs)},
        }
    )
    if train is not None:
        section.train = train
    return section


def _checkpoint():
    """What of a run's state is kept."""
    return ml_collections.ConfigDict(
        {
            "every": "",  # a length, such as "100 steps"; empty: once an interval
            "keep": 2,  # how many of the newest; the best is kept beside them
            "keep_at": (),  # lengths of the last stage whose checkpoints are kept for good
        }
    )


def _budget():
    """A run of a given time."""
    return ml_collections.ConfigDict(
        {
            # Minutes that the whole run may take, exports and report included: it chooses networks,
            # sizes, batch, views and lengths by timed steps, see keras_kd.run.budget. 0: off.
            "minutes": 0.0,
            # Pretrained weights for a teacher that is trained: an .npz of EfficientNet-Lite, or
            # what brings its network, see keras_kd.models.start_from; empty: an .npz that lies
            # beside the images or where the command is started; none: from nothing.
            "weights": "",
            "settled": False,  # whether the choice is made; the run itself sets it
        }
    )


def _data():
    """The images, and how they are seen."""
    return ml_collections.ConfigDict(
        {
            "source": "digits",  # digits, tfds:NAME, folder:PATH, tfrecord:PATTERN, a TFDS folder
            "data_dir": "",  # where tfds keeps its data; empty: its default
            "train_split": "train",
            "eval_split": "test",
            # Labels that each class keeps, drawn from the seed, for stages that learn from labels;
            # those with teachers see all images and no label. 0: all labels are there.
            "labels_per_class": 0,
            # Further images, whose labels nobody sees, for stages with teachers: folder:PATH of
            # any images, or another source, such as source itself; empty: none.
            "unlabelled": "",
            "unlabelled_split": "train",  # split of it; of folder:PATH there is only train
            "eval_source": "",  # data set of the teacher's classes, where source is of others
            # The student's modality where it is not the teacher's: image ops such as "gray" or
            # "lowres:24", see keras_kd.data.modality; empty: images as they are.
            "student_view": "",
            # The student's own images, of the same scenes and sizes: folder:PATH, whose files are
            # joined to those of source by their path below it; empty: there is one of each.
            "student_source": "",
            "resolution": 32,  # side of the student's image, px
            "teacher_resolution": 0,  # side of the teacher's; 0: the student's
            "eval_batch_size": 250,
            "eval_scale": EVAL_SCALE,  # resized short side over the central crop that is evaluated
            # Kernel that resizes an image to be evaluated, and one that an export decodes.
            "eval_resize": "bilinear",  # or bicubic_antialias, which is Pillow's
            "eval_full_image": False,  # evaluate on the whole image; eval_scale says nothing then
            # Kernel that resizes training images, see keras_kd.data.resize; mixed: another one for
            # each image, so that a student is not at home in one toolkit's pictures only.
            "resize": "bilinear",
            "flip": True,
            "crop_area": CROP_AREA,  # inception crop: share of the image
            # Orientation that a camera noted: apply turns images before they are cropped, ignore
            # takes them as they are stored.
            "exif": "ignore",
            "allow_bad": 0.01,  # share of unreadable files that is skipped without stopping
        }
    )


def _export():
    """What is made of the student."""
    return ml_collections.ConfigDict(
        {
            "formats": ("all",),  # or some of `keras-kd-export --help`
            "calibration_images": 200,
            "io": "int8",  # numbers in and out of integer files: int8, uint8 or float32
            "output": "logits",  # what TFLite files answer: logits or probabilities
            # Share of the test images; a file that answers like the student on less is told of.
            "min_agreement": 0.97,
            # Layers that stay in float32 in integer files; keras-kd-export --explain proposes some.
            "keep_float": (),
            "serving": False,  # the SavedModel also as serving/student/VERSION, for TF Serving
        }
    )


def base():
    """All keys of a run with their defaults.

    Returns:
        an `ml_collections.ConfigDict`, locked but for the free sections.
    """
    config = OpenConfig()
    config.name = "experiment"
    # The stages in their order: names of sections that `stage` made, or of networks that hold one.
    # The last one's network is the run's student.
    config.stages = ("teacher", "baseline", "distil")
    # Stages whose networks are also evaluated as one, by the mean of their logits, such as the
    # generations of a chain; the report tells it, and nothing of it leaves. Empty: none.
    config.ensemble = ()
    config.seed = 0
    config.batch_size = 128  # global: all replicas together
    config.steps_per_execution = 1
    config.precision = "float32"  # or mixed_bfloat16, mixed_float16
    config.xla = "auto"  # compile the student's step with XLA: auto, on or off
    config.deterministic = False  # fix what is otherwise chosen by timing: equal runs, equal bits
    config.teacher_cache = ""  # folder that keras-kd-teach filled, for the last stage; empty: none
    config.fixed_targets = ""  # folder of the targets of modes fix/*; empty: WORKDIR/targets
    config.checkpoint = _checkpoint()
    config.budget = _budget()
    config.data = _data()
    config.teacher = network(train=stage())
    config.student = network()
    config.baseline = stage()  # the student's network on labels alone, to compare with
    config.distil = stage(
        teachers=("teacher",),
        methods={"soft_targets": {"temperature": 1.0}},
        mode="mix",
        label_weight=0.0,
    )
    config.export = _export()
    config.lock()
    free(config)
    return config


def kind_of(section):
    """What a section describes: "stage", "network", or None for anything else."""
    if not isinstance(section, ml_collections.ConfigDict):
        return None
    marks = {"stage": "total", "network": "model"}
    return next((kind for kind, mark in marks.items() if mark in section), None)


def sections(config, kind):
    """The sections of a kind, "stage" or "network", wherever in a config they stand, as a list."""
    inner = [value for value in config.values() if isinstance(value, ml_collections.ConfigDict)]
    found = [section for section in inner if kind_of(section) == kind]
    return found + [one for section in inner for one in sections(section, kind)]


def defaults_of(key, section):
    """What a section of a run may hold, with defaults; None where it is no section at all.

    Args:
        key: its name.
        section: its ConfigDict.
    """
    kind = kind_of(section)
    if kind == "network":
        return network(train=stage() if "train" in section else None)
    return stage() if kind == "stage" else base().get(key)


def completed(settings):
    """A run's settings with the keys that came after it was started, at their defaults.

    Args:
        settings: nested dict, as `config.json` holds it.

    Returns:
        a nested dict.
    """
    defaults = json.loads(base().to_json_best_effort())
    for key, section in settings.items():
        if isinstance(section, dict) and key not in defaults:
            own = ml_collections.ConfigDict(section)
            defaults[key] = json.loads((defaults_of(key, own) or own).to_json_best_effort())
    return _filled(settings, defaults)


def _filled(values, defaults):
    found = {**defaults, **values}
    for key, default in defaults.items():
        if isinstance(default, dict) and isinstance(values.get(key), dict) and key not in FREE:
            found[key] = _filled(values[key], default)
    return found


def free(config):
    """Unlocks the sections whose keys are somebody else's arguments, at any depth."""
    for key, value in config.items():
        if isinstance(value, ml_collections.ConfigDict):
            if key in FREE:
                value.unlock()
            else:
                free(value)


def differences(there, here):
    """How two nested dicts of settings differ, a list of str such as "data.source: 'a' there, ...".

    Args:
        there: settings that were kept.
        here: those of this start.
    """
    there, here = flat(there), flat(here)
    missing = "(not set)"
    return [
        f"{key}: {there.get(key, missing)!r} there, {here.get(key, missing)!r} here"
        for key in sorted(there.keys() | here.keys())
        if there.get(key, missing) != here.get(key, missing)
    ]


def flat(settings, prefix=""):
    """Values of nested dicts by dotted key; an empty dict, as of arguments, is the same as none."""
    found = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found
