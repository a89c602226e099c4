"""A TF-Hub module: `hub:HANDLE`, `hub:FOLDER`, or the address of one of its hosts."""

from keras_kd.models.hub import HUB_HOSTS
from keras_kd.teachers.kind import Kind
from keras_kd.teachers.prepare import open_module

SCHEME = "hub:"
RANGE = (0.0, 1.0)  # the convention of TF-Hub


class Hub(Kind):
    """Modules of TF-Hub, which expect [0, 1] unless something else is said."""

    words = "'hub:HANDLE', a https://tfhub.dev or https://www.kaggle.com/models address"
    order = 20
    schemes = (SCHEME, *HUB_HOSTS)

    def open(self, handle, wanted):
        return open_module(handle.removeprefix(SCHEME), wanted, RANGE)
