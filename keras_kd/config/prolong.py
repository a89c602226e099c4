"""What a config may say of a stage that is made longer, see `keras_kd.training.pieces`."""

from keras_kd.config.chain import teaching
from keras_kd.utils.names import nearest

HOW = ("stretch", "fresh")


def check(config, stage):
    """Refuses a `prolong` that does not exist, or has no meaning for a stage.

    Args:
        config: ConfigDict of a run.
        stage: `keras_kd.config.chain.StageConfig`.

    Raises:
        ValueError: says which there are.
    """
    path, how = stage.path, stage.settings.prolong
    if how and how not in HOW:
        raise ValueError(
            f"config.{path}.prolong must be empty or one of {', '.join(HOW)}. "
            f"Received: {path}.prolong={how!r}.{nearest(how, HOW)}"
        )
    if how and stage.name in teaching(config):
        raise ValueError(
            f"config.{path}.prolong must be empty: a teacher that learns on is another "
            f"teacher, and its student another run. Received: {path}.prolong={how!r}. Choose "
            "another --workdir."
        )
