"""A run without its data and its published weights: random ones stand for both."""

import functools

from keras_kd import models, teachers
from keras_kd.config.keys import sections
from keras_kd.data import load_unlabelled
from keras_kd.data.fake import FakeSource, fake_source
from keras_kd.data.paired import Paired
from keras_kd.run.experiment import Experiment
from keras_kd.run.sources import check_channels
from keras_kd.teachers import kinds
from keras_kd.teachers.classes import in_order_of_data, read_classes
from keras_kd.teachers.load import assemble
from keras_kd.utils import handles

# What `tiny` makes of a network: one of the same family.
TINY = {
    "bit_resnet": {"depth": (1, 1), "width": 0.125},
    "mobilenet_v3_large": {"alpha": 0.35},
    "mobilenet_v3_small": {"alpha": 0.35},
    "resnet": {"width": 0.25},  # of its depth: methods tap inner layers by name
    "vit": {"width": 24, "heads": 3, "mlp_width": 48},
}


class OfflineExperiment(Experiment):
    """An `Experiment` on random images, whose published networks have random weights.

    Args:
        config: ConfigDict that `offline` gave.
        source: `keras_kd.data.fake.FakeSource` in the place of the run's data.
        lengths_of: function of a stage to the run's `Lengths`; default: those of `config`.
        tiny: whether published networks are narrow ones of their family.
    """

    def __init__(self, config, source, lengths_of=None, tiny=False):
        super().__init__(config)
        self.source = source
        self._lengths_of = lengths_of
        self._tiny = tiny

    def _prepared(self, config):
        return config

    @functools.cached_property
    def unlabelled(self):
        name, place = self.config.data.unlabelled, self.config.data.data_dir or None
        return fake_source(name, place, self.source.side, load_unlabelled) if name else None

    def lengths_of(self, stage):
        return (self._lengths_of or super().lengths_of)(stage)

    def _load(self, handle, shape, reading):
        def make(name, shape):
            return self._published_or_loaded(name, shape, reading)

        united = {"combine": "unite_classes"} if reading.get("some_classes") else {}
        return assemble(handles.members(handle), shape, make, **united)

    def _published_or_loaded(self, name, shape, reading):
        own = read_classes(reading["classes"]) if reading.get("classes") else ()
        outputs = len(own) or self.source.num_classes
        found = kinds.builder(name, outputs)
        if found is None:
            return teachers.load(name, self.class_names, shape, **reading)
        builder, kwargs = found
        if self._tiny:
            kwargs = TINY.get(builder, kwargs)
        side = self.config.data.resolution
        model = models.build(builder, outputs, shape or (side, side, self.channels), **kwargs)
        some = reading.get("some_classes", False)
        return in_order_of_data(model, repr(name), (own, ""), self.class_names, some_classes=some)


def offline(config):
    """The config without what a dry run must not fetch or read."""
    config.teacher_cache = ""
    for network in sections(config, "network"):
        model = network.model
        model.name, kwargs = models.without_weights(model.name, model.kwargs.to_dict())
        change(model.kwargs, kwargs)
        found = kinds.builder(network.init)
        if found is None:
            continue
        network.init = ""
        if not network.model.name:
            network.model.name, kwargs = found
            change(network.model.kwargs, kwargs)
    return config


def random_source(config, side):
    """Random images in the place of the run's data."""
    data = config.data
    where = (data.data_dir or None, side)
    evaluated = data.eval_source or data.source
    classes = fake_source(evaluated, *where)
    classes.split(data.eval_split)
    if data.student_source:
        return Paired(classes, classes)
    if evaluated == data.source:
        return classes
    images = fake_source(data.source, *where)
    check_channels(images, classes)
    data.eval_source, data.eval_split = "", data.train_split
    return FakeSource(images.name, classes.class_names, images.channels, images.counts, side)


def change(kwargs, values):
    with kwargs.unlocked(), kwargs.ignore_type():
        kwargs.update(values)
