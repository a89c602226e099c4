"""What a config may say of a stage that is made longer, see `keras_kd.training.pieces`."""

from keras_kd.utils.names import nearest

HOW = ("stretch", "fresh")


def check(name, settings):
    """Refuses a `prolong` that does not exist, or has no meaning for a stage.

    Args:
        name: the stage's path in the config.
        settings: its section.

    Raises:
        ValueError: says which there are.
    """
    how = settings.prolong
    if how and how not in HOW:
        raise ValueError(
            f"config.{name}.prolong must be empty or one of {', '.join(HOW)}. "
            f"Received: {name}.prolong={how!r}.{nearest(how, HOW)}"
        )
    if how and name == "teacher.train":
        raise ValueError(
            "config.teacher.train.prolong must be empty: a teacher that learns on is another "
            f"teacher, and its student another run. Received: {name}.prolong={how!r}. Choose "
            "another --workdir."
        )
