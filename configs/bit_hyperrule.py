"""BiT-HyperRule: a pretrained network is fine-tuned by a rule, then teaches by function matching.

Paper: Kolesnikov et al. 2020, "Big Transfer (BiT)", arXiv 1912.11370, section 3.3.
Command: keras-kd-train --config=configs/bit_hyperrule.py:cifar100 --workdir=workdir/bit_hyperrule
Argument: a data set of `SETS`; for another one `examples=N` and `side=PIXELS` of it, with
    `--config.data.source=SOURCE`; and, behind commas, `code` for the values of the published code
    instead of the paper's, and `largest` for BiT-M R152x4, which the paper gives large images of
    480 px instead of 384.
Teacher: BiT-M R50x1, or R152x4, whose file is fetched once. Another start:
    `--config.teacher.init=INIT`, see `keras_kd.models.start_from`; for an `.npz` file with its
    network, such as `--config.teacher.model.name=efficientnet_lite`. Name an R152x4 `largest`, too.
Published result: 86.5 % on CIFAR-100 for the teacher (big_transfer's TensorFlow 2 code).
"""

from keras_kd.config import base, hyperrule
from keras_kd.utils.names import nearest

# tfds name: training examples, a typical side in pixels (224: large), split to evaluate on.
SETS = {
    "cifar10": (50_000, 32, "test"),
    "cifar100": (50_000, 32, "test"),
    "oxford_flowers102": (1_020, 224, "test"),
    "oxford_iiit_pet": (3_680, 224, "test"),
    "food101": (75_750, 224, "validation"),
    "imagenet2012": (1_281_167, 224, "validation"),
}

LARGEST = "largest"


def get_config(arguments="cifar100"):
    """The rule's recipe for a data set.

    Args:
        arguments: words with commas between them, see the top of this file.

    Returns:
        an `ml_collections.ConfigDict`. Its learning rate follows `config.batch_size`, its lengths
        of warm-up and decay follow `config.teacher.train.total`.
    """
    config = base()
    config.name = "bit_hyperrule"
    config.batch_size = hyperrule.BATCH_SIZE
    examples, side, source, largest = _chosen(arguments, config)
    batch_size = config.get_ref("batch_size").to_float()
    rule = hyperrule.apply(config.teacher.train, examples, side, batch_size, source, largest)
    config.teacher.train.interval = "10 percent"
    config.data.resolution = rule.crop
    config.data.eval_full_image = True  # as BiT is evaluated
    config.teacher.init = "bit:R152x4-M" if largest else "bit:R50x1-M"
    config.teacher.model = {"name": "", "kwargs": {}}
    config.student.model = {"name": "bit_resnet", "kwargs": {"depth": 50, "width": 1.0}}
    config.baseline.enabled = False
    # About the 1,500 steps of function matching where there are many images, and less than the run
    # where there are few.
    config.distil.update(mode="mix", total="300 epochs", interval="10 epochs", warmup="5 percent")
    config.distil.methods = {"soft_targets": {"temperature": 2.0}}
    return config


def _chosen(arguments, config):
    """(examples, side, the rule's source, largest) of the argument; sets the data set."""
    numbers, source, largest = {"examples": 0, "side": 0}, "paper", False
    for word in (word.strip() for word in arguments.split(",")):
        key, _, value = word.partition("=")
        if word in SETS:
            numbers["examples"], numbers["side"], config.data.eval_split = SETS[word]
            config.data.source = f"tfds:{word}"
        elif word in hyperrule.SOURCES:
            source = word
        elif word == LARGEST:
            largest = True
        elif key in numbers and value.isdigit():
            numbers[key] = int(value)
        else:
            known = [*SETS, *hyperrule.SOURCES, LARGEST, "examples=N", "side=PIXELS"]
            raise ValueError(
                f"The config's argument must be of {', '.join(known)}. "
                f"Received: {word!r}.{nearest(word, known)}"
            )
    if not all(numbers.values()):
        raise ValueError(
            "The config's argument must name a data set, or both its training examples and the "
            f"side of its images. Received: {arguments!r}. Write for example "
            "examples=2640,side=348."
        )
    return numbers["examples"], numbers["side"], source, largest
