"""Which batches a stream holds, and which part of them: sizes, steps and a worker's share."""

import dataclasses

from keras_kd.data.resize import DEFAULT, check_kernel
from keras_kd.utils.integers import check_integer
from keras_kd.utils.names import nearest


@dataclasses.dataclass(frozen=True)
class Share:
    """One worker's share of a stream of global batches.

    Attributes:
        batch_size: size B of the global batch.
        resolution: side of the student's images in pixels.
        seed: int.
        start_step: first step of the stream, at least 0.
        teacher_resolution: side of the teacher's images; the student's where None.
        teacher_view: whether the batch holds images for the teacher; without them, as for targets
            that were computed before, x shows what the student sees and nothing else.
        one_hot: whether labels are float32 `[B, K]`, mixed like the images, rather than int32.
        with_ids: whether x carries `id`, int64 `[B]`, the example's index in its source.
        worker_index: which part of the global batch this worker gets, in [0, num_workers).
        num_workers: number of workers; must divide the batch size.
        num_steps: number of batches, counted from `start_step`; endless where None.
        resize: kernel that makes a square of a crop, see `keras_kd.data.resize`.
        repeats: how often each image stands in a batch, each time in another view; an epoch's steps
            then show as many images fewer.
        by_step: whether elements are `(step, (x, y))`, each made by itself, so that the workers of
            a tf.data service can share out the steps. See `keras_kd.data.service`.

    Raises:
        ValueError: if one of them is out of its range.
    """

    batch_size: int
    resolution: int
    seed: int = 0
    start_step: int = 0
    teacher_resolution: int | None = None
    teacher_view: bool = True
    one_hot: bool = False
    with_ids: bool = False
    worker_index: int = 0
    num_workers: int = 1
    num_steps: int | None = None
    resize: str = DEFAULT
    repeats: int = 1
    by_step: bool = False

    def __post_init__(self):
        for name, lowest in _WHOLE.items():
            value = getattr(self, name)
            if value is not None or name not in _OPEN:
                check_integer(name, value, lowest)
        check_kernel("resize", self.resize)
        if self.worker_index >= self.num_workers:
            raise ValueError(
                f"worker_index must lie in [0, {self.num_workers}), the number of workers. "
                f"Received: worker_index={self.worker_index!r}"
            )
        if self.batch_size % self.num_workers:
            raise ValueError(
                "The global batch must divide evenly over the workers. Received: "
                f"batch_size={self.batch_size}, num_workers={self.num_workers}. Take a multiple of "
                f"{self.num_workers}."
            )

        if self.repeats > self.batch_size:
            raise ValueError(
                "An image cannot stand in a batch more often than there are rows. Received: "
                f"repeats={self.repeats}, batch_size={self.batch_size}"
            )

    @property
    def rows(self):
        """Rows of the global batch that belong to this worker: a range."""
        size = self.batch_size // self.num_workers
        return range(self.worker_index * size, (self.worker_index + 1) * size)

    def outputs(self, views):
        """Which images a batch holds.

        Args:
            views: `keras_kd.data.views.Views`.

        Returns:
            dict of key of x -> (role whose view it shows, side in pixels, `Modality` or None).
        """
        modality = views.modality_of("teacher")
        own = ("student", self.resolution, views.modality_of("student"))
        further = {role: (role, *own[1:]) for role in views.further or ()}
        if views.fixed is not None:
            return {"student": own}  # not `image`: a live teacher would take it for its own view
        side = self.teacher_resolution or self.resolution
        if self.teacher_view and views.teacher is not None:
            return {"student": own, "teacher": ("teacher", side, modality), **further}
        shared = ("student", side, modality)
        if self.teacher_view and shared != own:
            return {"student": own, "teacher": shared, **further}
        return {"image": own, **further}


_WHOLE = {
    "batch_size": 1,
    "resolution": 1,
    "start_step": 0,
    "teacher_resolution": 1,
    "num_steps": 1,
    "num_workers": 1,
    "repeats": 1,
    "worker_index": 0,
}
_OPEN = ("teacher_resolution", "num_steps")


def split_options(options, *known):
    """Options by whose they are.

    Args:
        options: dict of name -> value.
        *known: for each owner, the names that are its own.

    Returns:
        a dict for each owner.

    Raises:
        ValueError: a name that nobody knows; the message names the nearest.
    """
    everything = [name for names in known for name in names]
    for name, value in options.items():
        if name not in everything:
            raise ValueError(
                f"Options are {', '.join(everything)}. Received: {name}={value!r}."
                f"{nearest(name, everything)}"
            )
    return [{name: options[name] for name in options if name in names} for names in known]
