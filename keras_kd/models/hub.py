"""TF-Hub modules and SavedModel folders as Keras 3 layers.

`hub.KerasLayer` builds Keras 2 layers, so the loaded object is wrapped here. Its variables become
the layer's own: the Keras variables point at the loaded ones, so that training, freezing, counting
and saving work as for any layer.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_kd.models.layers import check_size, head
from keras_kd.models.output import find_logits, named_outputs

HUB_HOSTS = ("https://tfhub.dev/", "https://www.kaggle.com/models/", "https://kaggle.com/models/")
OFFLINE_HELP = (
    "Without a network use a local copy: download the module elsewhere, unpack it, and pass the "
    "folder that holds saved_model.pb; or set TFHUB_CACHE_DIR to a cache that already has it."
)


def load_module(handle):
    """Loads a TF-Hub handle (https://...) or a SavedModel folder with `hub.load`.

    Raises:
        ValueError: when it is neither, or the folder holds no SavedModel.
        ConnectionError: when the handle cannot be fetched.
    """
    if not isinstance(handle, str) or not handle:
        raise ValueError(
            "handle must be the URL of a TF-Hub module or a SavedModel folder. "
            f"Received: handle={handle!r}."
        )
    remote = "://" in handle
    if not remote and not any(
        (Path(handle) / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")
    ):
        state = "holds no saved_model.pb" if Path(handle).exists() else "is not there"
        raise ValueError(
            "handle must be a URL or a folder that holds saved_model.pb. "
            f"Received: handle={handle!r}, which {state}. {OFFLINE_HELP}"
        )
    # Imported here: it is slow to import and most runs need no hub module.
    import tensorflow_hub

    try:
        return tensorflow_hub.load(handle)
    except OSError as error:  # URLError, time-outs, files cut short
        if not remote:
            raise ValueError(
                f"the SavedModel must be whole. Received: handle={handle!r}: {error}. "
                "Copy the folder again, its `variables` too."
            ) from error
        raise ConnectionError(
            f"the TF-Hub module cannot be fetched. Received: handle={handle!r}: {error}. "
            f"{OFFLINE_HELP}"
        ) from None
    except ValueError as error:
        raise ValueError(
            f"handle must lead to a TensorFlow 2 SavedModel. Received: handle={handle!r}: {error}"
        ) from error


def declared_side(module):
    """Side in pixels of the images that a module's signatures take; 0 for any, or without them."""
    for signature in getattr(module, "signatures", {}).values():
        for spec in signature.structured_input_signature[1].values():
            if spec.shape.rank == 4 and spec.shape[1]:
                return int(spec.shape[1])
    return 0


@keras.saving.register_keras_serializable(package="keras_kd")
class HubModule(keras.layers.Layer):
    """A TF-Hub module or SavedModel: images `[B, H, W, C]` in [-1, 1] to features or logits.

    The module is called as `module(images)`, with `training` where it takes it; a SavedModel that
    cannot be called is run through its signature `serving_default`. Build the layer inside the
    strategy's scope to train it on several replicas. A saved model stores the handle, which must
    lead to the module again when the file is loaded, and the weights.

    Args:
        handle: URL of a TF-Hub module or a SavedModel folder.
        input_range: (low, high) that the module expects; (0, 1) is the convention of TF-Hub.
        trainable: fine-tune the module's variables.
        output: name of the output that is taken, of a module that gives several; empty: `logits`,
            the only one, or the only one of `num_classes`.
        num_classes: classes that are wanted; None: unknown.

    Raises:
        ValueError: for a bad range or handle, a module of another form, or trainable=True for a
            module without trainable variables.
        ConnectionError: when the handle cannot be fetched.
    """

    def __init__(
        self,
        handle,
        input_range=(0, 1),
        trainable=False,
        output="",
        num_classes=None,
        **kwargs,
    ):
        # Modules compute in float32 inside, whatever the policy of the model around them.
        kwargs.setdefault("dtype", "float32")
        super().__init__(trainable=trainable, **kwargs)
        self.handle = handle
        self.input_range = check_range(input_range)
        self.output_name = output
        self._num_classes = num_classes  # only to find the output by
        self._module = load_module(handle)
        self._run, self._takes_training = _callable(self._module, handle)
        self._adopt_variables()
        if trainable and not self.trainable_variables:
            raise ValueError(
                "trainable=True needs a module with trainable variables. "
                f"Received: handle={handle!r}, which has none. Use trainable=False."
            )

    def _adopt_variables(self):
        """Makes Keras variables that share storage with the module's."""
        trainable, frozen = _variables(self._module)
        for index, value in enumerate(trainable + frozen):
            variable = self.add_weight(
                shape=value.shape,
                dtype=value.dtype.name,
                initializer="zeros",
                trainable=index < len(trainable),
                autocast=False,
                name=f"variable_{index}",
            )
            # Keras takes a tf.Variable as a variable's storage here, and nowhere in public.
            variable._initialize(value)

    def build(self, input_shape):
        sides = [side or 224 for side in input_shape[1:3]]
        with tf.init_scope():
            probe = tf.zeros([1, *sides, input_shape[-1]])
            try:
                answer = run_once(lambda images: self._answer(images, False), probe)
            except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
                first = str(error).strip().splitlines()[0]
                raise ValueError(
                    "the module must take float images of the model's input shape. "
                    f"Received: input_shape={tuple(input_shape)[1:]} for handle={self.handle!r}: "
                    f"{first}. Use the size and channels that the module was made for."
                ) from error
        self._find_output(named_outputs(answer))
        shape = self._taken(answer).shape
        if shape.rank != 2:
            raise ValueError(
                "the module must give features or logits [B, K], one row per image. "
                f"Received: an output of shape {tuple(shape)} from handle={self.handle!r}. "
                "Use the module's feature-vector or classification variant."
            )
        self._units = shape[-1]
        self.built = True

    def _answer(self, images, training):
        low, high = self.input_range
        if (low, high) != (-1.0, 1.0):
            images = images * ((high - low) / 2) + (high + low) / 2
        extra = {"training": training} if self._takes_training else {}
        return self._run(images, **extra)

    def _find_output(self, answers):
        shapes = {name: tuple(value.shape) for name, value in answers.items()}
        self._taken_name = find_logits(shapes, self.output_name, self._num_classes)
        if len(shapes) > 1 and self._taken_name != "logits":
            self.output_name = self._taken_name  # a file finds it again without `num_classes`

    def _taken(self, answer):
        """The one output of what the module gave."""
        return tf.convert_to_tensor(named_outputs(answer)[self._taken_name])

    def call(self, images, training=False):
        # A frozen module stays in inference mode, as a frozen BatchNormalization does.
        outputs = self._taken(self._answer(images, bool(training) and self.trainable))
        outputs = tf.ensure_shape(outputs, [None, self._units])
        return tf.cast(outputs, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self._units)

    def get_config(self):
        own = {"handle": self.handle, "input_range": list(self.input_range)}
        # Only where it says something: what was computed with a module of one output stays valid.
        own |= {"output": self.output_name} if self.output_name else {}
        return {**super().get_config(), **own}


def run_once(function, images):
    """Runs a function eagerly; inside a strategy's scope as `as_graph` does."""
    if not _over_replicas():
        return function(images)
    return as_graph(function, reduce_retracing=False)(images)


def as_graph(function, reduce_retracing=True):
    """A function of images as a graph, which works inside a strategy's scope too.

    Functions of a SavedModel that was loaded in the scope hold mirrored variables, which exist
    only on a replica: there each replica runs it on the same images, and the first one's answer
    is taken.

    Args:
        function: of a tensor of images, to a tensor or a structure of them.
        reduce_retracing: whether one graph serves batches of several sizes.

    Returns:
        a function.
    """
    step = tf.function(function, reduce_retracing=reduce_retracing)

    def run(images):
        if not _over_replicas():
            return step(images)
        strategy = tf.distribute.get_strategy()
        first = lambda value: strategy.experimental_local_results(value)[0]  # noqa: E731
        return tf.nest.map_structure(first, strategy.run(step, (images,)))

    return run


def _over_replicas():
    return tf.distribute.has_strategy() and tf.distribute.in_cross_replica_context()


def check_range(input_range):
    """Returns (low, high) as floats, or raises a ValueError that says what is wrong."""
    try:
        low, high = (float(value) for value in input_range)
    except (TypeError, ValueError):
        low = high = 0.0
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(
            "input_range must be two numbers, low < high. "
            f"Received: input_range={input_range!r}. Write (0, 1), (-1, 1) or (0, 255)."
        )
    return low, high


def _callable(module, handle):
    """(function of images, whether it takes `training`) for a loaded object."""
    if callable(module):
        spec = getattr(getattr(module, "__call__", None), "function_spec", None)  # noqa: B004
        arguments = getattr(spec, "fullargspec", None)
        names = [*arguments.args, *arguments.kwonlyargs] if arguments else []
        return module, "training" in names
    signature = getattr(module, "signatures", {}).get("serving_default")
    if signature is None:
        raise ValueError(
            "the SavedModel must be callable or have the signature 'serving_default'. "
            f"Received: handle={handle!r} with signatures "
            f"{sorted(getattr(module, 'signatures', {}))}. Export it again with one."
        )
    inputs = list(signature.structured_input_signature[1])
    if len(inputs) != 1:
        raise ValueError(
            "the signature 'serving_default' must have one input. "
            f"Received: inputs={inputs} in handle={handle!r}. Export a signature that maps images "
            "to logits."
        )
    return (lambda images: signature(**{inputs[0]: images})), False


def _variables(module):
    """(trainable, frozen) variables of a loaded object, each once, in a fixed order.

    An object that lists `trainable_variables` decides itself; in another, such as a restored
    `tf.Module`, the variables are found by walking it, and each says whether it is trainable.
    """
    found = list(getattr(module, "variables", None) or _walk(module))
    listed = getattr(module, "trainable_variables", None)
    if listed is None:
        trainable = [variable for variable in found if variable.trainable]
    else:
        trainable = list(listed)
    chosen = {id(variable) for variable in trainable}
    return trainable, [variable for variable in found if id(variable) not in chosen]


def _walk(root):
    """Variables held by an object, its attributes, lists and dicts, by sorted attribute name."""
    seen, result, pending = set(), [], [root]
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, tf.Variable):
            result.append(item)
        elif isinstance(item, (list, tuple)):
            pending.extend(reversed(item))
        elif isinstance(item, dict):
            pending.extend(item[key] for key in sorted(item, key=str, reverse=True))
        elif isinstance(item, tf.__internal__.tracking.Trackable):
            public = {k: v for k, v in vars(item).items() if not k.startswith("_self_")}
            pending.extend(public[key] for key in sorted(public, reverse=True))
    return result


def hub(
    handle,
    num_classes=None,
    input_shape=(224, 224, 3),
    input_range=(0, 1),
    trainable=False,
    head=True,
):
    """Builds a model on a TF-Hub module or SavedModel folder.

    Taps: `pre_logits` (the module's features) with a head.

    Args:
        handle: URL of a TF-Hub module or a SavedModel folder.
        num_classes: number of logits; may be None with head=False.
        input_shape: (height, width, channels) of images in [-1, 1].
        input_range: (low, high) that the module expects; the conversion happens inside.
        trainable: fine-tune the module's variables.
        head: put a dense classifier, zero at the start, on the module's features. False where
            the module gives logits already.

    Returns:
        A functional `keras.Model` with float32 logits `[B, num_classes]`.

    Raises:
        ValueError: when the module, its shapes or its class count do not fit.
        ConnectionError: when the handle cannot be fetched.
    """
    shape = check_size(1 if num_classes is None and not head else num_classes, input_shape)
    inputs = keras.Input(shape, name="image")
    name = "pre_logits" if head else "logits"
    x = HubModule(handle, input_range, trainable=trainable, name=name)(inputs)
    if head:
        x = _head(x, num_classes)
    elif num_classes is not None and x.shape[-1] != num_classes:
        raise ValueError(
            f"the module must give one logit per class, {num_classes} in all. Received: "
            f"handle={handle!r}, which gives {x.shape[-1]} numbers per image. "
            "If these are features, use head=True and train the head."
        )
    return keras.Model(inputs, x, name="hub")


_head = head  # the builder's argument of the same name hides it there
