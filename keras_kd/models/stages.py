"""Names for the stages of a network that has none: the last features before the side is halved.

A stage ends where everything deeper sees the image through one tensor alone, the last such of its
side; where there is none, as in NASNet, at the last sum or concatenation of that side.
"""

import keras

# Of another side than their stage's for a moment.
PADDING = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)
POOLING = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)
MERGING = (keras.layers.Add, keras.layers.Concatenate)
SAME = 0.75  # of a stage's largest side: convolutions without padding take a little off


def with_stages(model, images, values=None, after=None):
    """A model on other images, whose stages can be tapped.

    Args:
        model: functional Keras model with one image input and one output.
        images: the symbolic input of the new model.
        values: what `model` sees of it, `[B, H, W, C]` of its input's shape; default: `images`.
        after: dict from a layer to one that is put behind it.

    Returns:
        a `keras.Model` from `images`, which shares all layers with `model`. What ends
        a stage goes on by the name of `stage1`, `stage2` and so on, where the sides are known.
    """
    values = images if values is None else values
    calls, last = _calls(model, values.shape[1:])
    ends = _ends(calls, values.shape[1])
    named = {index: f"stage{number}" for number, index in enumerate(ends, start=1)}
    outputs = []

    def call(layer, *args, **kwargs):
        x = layer(*args, **kwargs)
        if after and layer in after:
            x = after[layer](x)
        if len(outputs) in named:
            x = keras.layers.Activation("linear", name=named[len(outputs)])(x)
        outputs.append(x)
        return x

    # The model that Keras gives here begins at `values`, without what was made of the images.
    _run(model, values, call)
    return keras.Model(images, outputs[last], name=model.name)


def _run(model, images, call):
    return keras.models.clone_model(
        model, input_tensors=images, clone_function=lambda layer: layer, call_function=call
    )


class _Call:
    """One call of a layer: the tensors that it read, and what it gave."""

    def __init__(self, layer, read, output):
        self.layer, self.read, self.output = layer, read, output

    @property
    def side(self):
        """Of a feature map, or None."""
        shape = getattr(self.output, "shape", ())
        if len(shape) != 4 or isinstance(self.layer, PADDING):
            return None
        return shape[1]


def _calls(model, shape):
    """(calls, last): a model's calls in the order in which they run, and its output's index."""
    found = []

    def call(layer, *args, **kwargs):
        output = layer(*args, **kwargs)
        flat = keras.tree.flatten((args, kwargs))
        read = [id(tensor) for tensor in flat if isinstance(tensor, keras.KerasTensor)]
        found.append(_Call(layer, read, output))
        return output

    (output,) = _run(model, keras.Input(shape), call).outputs
    return found, [id(one.output) for one in found].index(id(output))


def _ends(calls, side):
    """Indices of the calls that end a stage, the first stage first.

    Args:
        calls: what `_calls` gave.
        side: of the images; None: not known, and then there are no stages.
    """
    if side is None:
        return []
    alone = _alone(calls)
    stages, largest = [[]], side
    for index, call in enumerate(calls):
        if index in alone and isinstance(call.layer, POOLING):
            break  # a classifier may go on at 1x1
        merges = isinstance(call.layer, MERGING)
        if call.side is None or call.side > largest or not (merges or index in alone):
            continue
        if call.side <= SAME * largest:
            stages.append([])
            largest = call.side
        stages[-1].append(index)
    return [max(set(stage) & alone, default=stage[-1]) for stage in stages[1:]]


def _alone(calls):
    """Indices of the calls whose output is all that later ones know of the images."""
    made = {id(call.output): index for index, call in enumerate(calls)}
    last_reader = {}
    for index, call in enumerate(calls):
        for tensor in call.read:
            last_reader[made.get(tensor, -1)] = index
    found, reach = set(), last_reader.get(-1, 0)
    for index in range(len(calls)):
        if reach <= index:  # nothing from before is read after it
            found.add(index)
        reach = max(reach, last_reader.get(index, index))
    return found
