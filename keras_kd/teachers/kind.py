"""What a kind of handle says of itself: which handles are its own, how they open, what they fetch.

The kinds stand in `keras_kd.teachers.kinds`, one file each.
"""

from pathlib import Path

AS_INIT = (
    "fine-tune it on them first: init in the place of handle, with an empty model.name, starts a "
    "network from it (keras_kd.models.start_from)"
)
ELSEWHERE = "fine-tune it on them where it was trained, and export it again"


class Kind:
    """A kind of handle.

    Attributes:
        fine_tune: how its network learns other classes, a clause of an advice.
        words: how such a handle is written, for errors.
        order: kinds of lower order are asked first whether a handle is theirs, and told first.
        layouts: whether the order of an input's axes may be told.
        schemes: beginnings of handles that are of this kind.
        suffix: ending of files that are of this kind without any scheme; empty: there is none.
    """

    words = ""
    order = 0
    layouts = False
    fine_tune = AS_INIT
    schemes = ()
    suffix = ""

    def owns(self, handle):
        """Whether a handle, a str, is of this kind."""
        if not (self.schemes or self.suffix):
            raise NotImplementedError
        named = bool(self.suffix) and handle.endswith(self.suffix) and Path(handle).is_file()
        return named or handle.startswith(self.schemes)

    def open(self, handle, wanted):
        """The network behind a handle.

        Args:
            handle: str that this kind owns.
            wanted: a `keras_kd.teachers.wanted.Wanted`.

        Returns:
            a Keras model from images in [-1, 1] to what the network gives.

        Raises:
            ValueError: the handle leads to no network, or to one that does not fit.
            ConnectionError: what it leads to cannot be fetched.
        """
        raise NotImplementedError

    def assumes(self, model):
        """Whether nothing told the pixel values that a network expects.

        Args:
            model: what `open` gave, with whatever came before and behind it.

        Returns:
            bool; here they are the kind's own, recorded, or asked for.
        """
        return False

    def side(self, handle):
        """Side in pixels of the images that the network takes.

        Args:
            handle: str that this kind owns.

        Returns:
            int; 0 where it takes any, or where that is not known before it is opened.
        """
        return 0

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


def check_read(kind, handle, wanted):
    """Refuses what is said of a handle and its kind would not look at.

    Args:
        kind: a `Kind`.
        handle: str, for the error.
        wanted: a `keras_kd.teachers.wanted.Wanted`.

    Raises:
        ValueError: names it.
    """
    if wanted.layout and not kind.layouts:
        raise ValueError(
            "layout is for files whose input may have its channels first. Received: "
            f"layout={wanted.layout!r} for handle={handle!r}. Leave it out."
        )
