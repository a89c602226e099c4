"""Whether a run's stages may go on beyond their old ends, see `keras_kd.training.pieces`."""

from keras_kd.training.lengths import make_optimizer
from keras_kd.training.pieces import pieces_of


def accept(stages, workdir, lengths_of):
    """Refuses a prolongation that cannot be; else the working directory now is the longer run's.

    Report, student and exports of the shorter run stay until those of the longer one are there.

    Args:
        stages: list of `keras_kd.config.chain.StageConfig`.
        workdir: the run's `keras_kd.run.workdir.Workdir`.
        lengths_of: function of a stage to its `keras_kd.training.lengths.Lengths`.

    Raises:
        ValueError: nothing there to prolong, a total that was not raised, or a warm-up that does
            not fit.
    """
    longer = [stage for stage in stages if _is_longer(stage, workdir, lengths_of(stage))]
    for stage in longer:
        settings, checkpoints = stage.settings, workdir.checkpoints(stage.name)
        lengths = lengths_of(stage)
        pieces = pieces_of(checkpoints, lengths.total(settings), settings.prolong)
        try:
            make_optimizer(settings, lengths, pieces)
        except ValueError as error:
            raise ValueError(f"config.{stage.path}: {error}") from error
    workdir.prolong([stage.name for stage in longer])


def _is_longer(stage, workdir, lengths):
    """Whether a stage is asked to be longer than it was; refuses what cannot be."""
    path, settings = stage.path, stage.settings
    if not settings.prolong:
        return False
    asked = f"Received: {path}.prolong={settings.prolong!r}, {path}.total={settings.total!r}"
    before = workdir.settings_before(path)
    if before is None:
        raise ValueError(
            f"config.{path}.prolong is for a run that is there already. {asked}, and no run in "
            f"{workdir.path}. Leave it empty."
        )
    if (before["total"], before.get("prolong")) == (settings.total, settings.prolong):
        return False  # the same command again
    total, old = lengths.total(settings), lengths.total_of(before["total"])
    if total <= old:
        raise ValueError(
            f"config.{path}.prolong needs a raised total. {asked} ({total:,} steps), where "
            f"{workdir.path} has {before['total']!r} ({old:,} steps). Raise the total, or go back "
            "to the config of that run."
        )
    checkpoints = workdir.checkpoints(stage.name)
    finished = workdir.result(stage.name) or (workdir / "report.json").exists()
    if finished and not (checkpoints.steps() or checkpoints.best.exists()):
        raise ValueError(
            f"A stage is prolonged from its last checkpoint. {asked}, and none in "
            f"{checkpoints.folder}. Bring it back, or choose another --workdir."
        )
    return True
