"""Images in, batches out: sources, teaching modes and the stateless input pipeline."""

from keras_kd.data.examples import Examples, Source
from keras_kd.data.fixed import FixedViews
from keras_kd.data.pipeline import build_dataset, evaluation_dataset
from keras_kd.data.preview import preview
from keras_kd.data.sources import load_source

__all__ = [
    "Examples",
    "FixedViews",
    "Source",
    "build_dataset",
    "evaluation_dataset",
    "load_source",
    "preview",
]
