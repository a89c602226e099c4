"""Images in, batches out: sources, teaching modes and the stateless input pipeline."""

from keras_kd.data.evaluation import evaluation_dataset
from keras_kd.data.examples import Examples, Source
from keras_kd.data.fixed import FixedViews
from keras_kd.data.pipeline import build_dataset
from keras_kd.data.preview import preview
from keras_kd.data.sources import load_source, load_unlabelled
from keras_kd.data.views import Views
from keras_kd.utils.crops import EVAL_SCALE

__all__ = [
    "EVAL_SCALE",
    "Examples",
    "FixedViews",
    "Source",
    "Views",
    "build_dataset",
    "evaluation_dataset",
    "load_source",
    "load_unlabelled",
    "preview",
]
