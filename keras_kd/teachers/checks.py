"""What a teacher must be, each check with one readable error, before any image is run."""


def check_images(model, label, input_shape):
    """The model has one image input that takes `input_shape` (None: whatever it declares)."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise ValueError(
            "a teacher must declare its input. "
            f"Received: {label}, a model without a graph. Pass input_shape=(height, width, "
            "channels)."
        )
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = [tuple(one.shape) for one in inputs]
        raise ValueError(
            "a teacher must take one batch of images [B, H, W, C]. "
            f"Received: {label} with inputs {shapes}. Wrap it in a model of one image input."
        )
    if input_shape is None:
        return
    own = tuple(inputs[0].shape[1:])
    if len(input_shape) != 3 or own[2] not in (None, input_shape[2]):
        raise ValueError(
            f"the teacher takes images of {own[2]} channels. Received: input_shape={input_shape} "
            f"for {label}. Load the images with {own[2]} channels, or take another teacher."
        )
    if any(mine not in (None, given) for mine, given in zip(own[:2], input_shape[:2])):
        raise ValueError(
            f"the teacher takes images of {own[0]}x{own[1]} pixels. Received: "
            f"input_shape={input_shape} for {label}. Give it images of its size: in a config "
            f"data.teacher_resolution={own[0]}."
        )


def check_classes(model, num_classes, label, fine_tune):
    """The model has one logit per class (None: any number); `fine_tune` as of a `Kind`."""
    units = model.output_shape[-1]
    if num_classes is None or units == num_classes:
        return
    raise ValueError(
        f"the teacher must have one logit per class of the data set, {num_classes} in all. "
        f"Received: {units} outputs from {label!r}. If the data's classes are among them, pass "
        "classes=FILE with the names of all its outputs, one a line, in their order. If they are "
        f"features, or of other classes, {fine_tune}."
    )
