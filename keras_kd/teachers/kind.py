"""What a kind of handle says of itself: which handles are its own, how they open, what they fetch.

The kinds stand in `keras_kd.teachers.kinds`, one file each.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Request:
    """What a run knows of the teacher that it asks for; arguments as of `keras_kd.teachers.load`.

    Attributes:
        num_classes: number of logits that it must give; None: any.
        input_shape: (height, width, channels) of the images that it will see; None: its own.
        input_range: (low, high) of the pixel values that it expects; None: what is known.
    """

    num_classes: int | None = None
    input_shape: tuple | None = None
    input_range: tuple | None = None


class Kind:
    """A kind of handle.

    Attributes:
        words: how such a handle is written, for errors.
        order: kinds of lower order are asked first whether a handle is theirs, and told first.
    """

    words = ""
    order = 0

    def owns(self, handle):
        """Whether a handle, a str, is of this kind."""
        raise NotImplementedError

    def open(self, handle, request):
        """The network behind a handle.

        Args:
            handle: str that this kind owns.
            request: a `Request`.

        Returns:
            a Keras model from images in [-1, 1] to what the network gives.

        Raises:
            ValueError: the handle leads to no network, or to one that does not fit.
            ConnectionError: what it leads to cannot be fetched.
        """
        raise NotImplementedError

    def builder(self, handle, num_classes=None):
        """The same network with random weights, where its own would have to be fetched.

        Args:
            handle: str that this kind owns.
            num_classes: number of logits that it must give; None: any.

        Returns:
            (name, arguments) as `keras_kd.models.build` takes them, or None where the handle
            leads to what is there already.

        Raises:
            ValueError: no such network, or one of other classes.
        """
        return None
