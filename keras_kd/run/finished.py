"""A run that is there already, read from its working directory: to evaluate, export and report."""

import keras
import tensorflow as tf

from keras_kd import data
from keras_kd.config.views import modality_of
from keras_kd.run import sources
from keras_kd.run.experiment import Experiment
from keras_kd.run.streams import sides_of
from keras_kd.run.workdir import load_config
from keras_kd.training.checkpoints import read_weights
from keras_kd.training.stage import make_model
from keras_kd.utils.files import write_json


class Finished(Experiment):
    """The `Experiment` that a working directory holds, finished or not; it trains nothing.

    Args:
        workdir: path of the directory that keras-kd-train was started with.

    Raises:
        ValueError: not a working directory.
    """

    writes = False  # the run's own files; a report is renewed by `write_report`

    def __init__(self, workdir):
        super().__init__(load_config(workdir), workdir)

    def _prepared(self, config):
        return config  # it was checked when the run began, by the rules of then

    @property
    def report(self):
        """What `report.json` holds, or None while the run, or its longer form, is not finished."""
        return self.workdir.report

    def write_report(self, report):
        """Writes `report.json` anew."""
        write_json(self.path / "report.json", report)

    @property
    def class_names(self):
        """Names of the run's classes, without its data where the run is finished."""
        return self.report["classes"] if self.report else self.source.class_names

    def load_student(self):
        """The finished student, a Keras model from images to logits.

        Raises:
            ValueError: the run is not finished, or the file does not load.
        """
        path, last = self.path / "student.keras", self.last.name
        # A file alone may be that of a run which has been made longer since.
        if not path.exists() or not (self.report or self.workdir.result(last)):
            steps = ", ".join(map(str, self.workdir.checkpoints(last).files()))
            hint = f", or evaluate checkpoints with --steps, of {steps}" if steps else ""
            raise ValueError(
                "The student of a finished run was expected. Received: workdir="
                f"{self.path}, which is not finished. Start keras-kd-train on it again: it goes on "
                f"where it stopped{hint}."
            )
        try:
            return keras.saving.load_model(path, compile=False)
        except (ValueError, TypeError, OSError) as error:
            raise ValueError(f"{path} does not load ({error}). Restore the file.") from error

    def load_teacher(self, channels):
        """Whom the student follows: loaded as the config says, or as earlier stages left it.

        Args:
            channels: of the images.

        Returns:
            a frozen Keras model from images to logits.

        Raises:
            ValueError: it is not trained yet, does not fit, or the student has none.
        """
        if not self.last.teachers:
            raise ValueError(
                "A student that follows a teacher was expected. Received: workdir="
                f"{self.path}, whose last stage {self.last.name!r} learns from labels alone."
            )

        self.channels = channels  # the data need not be there
        learned = {
            one.learned: self.learned(one.learned, one.network)
            for one in self.last.teachers
            if one.stage
        }
        return self.teacher(self.last, learned)

    def learned(self, name, network):
        path = self.path / f"{name}.keras"
        if not path.exists():
            raise ValueError(
                f"A run that trains its teacher leaves {path.name}. Received: workdir={self.path}, "
                f"which has none. Start keras-kd-train on it again until the {name} is trained."
            )
        return super().learned(name, network)

    def other_source(self, name, data_dir=""):
        """Another source to look at.

        Args:
            name: name for `keras_kd.data.load_source`.
            data_dir: where tfds keeps it; empty: the run's.

        Raises:
            ValueError: an unknown source.
            FileNotFoundError: a folder that is not there.
        """
        place = data_dir or self.config.data.data_dir or None
        settings, index = self.config.data, str(self.path / "index")
        return data.load_source(name, place, settings.allow_bad, index, settings.exif)

    @property
    def training_source(self):
        """The source whose images the student learned from, see `keras_kd.run.sources`."""
        return sources.load_images(self.config, self.source)

    def evaluation_images(self, source=None, split="", batch_size=0, teacher=False, resize=""):
        """Images and labels of a split in order, prepared as the run evaluates on its own.

        Args:
            source: `keras_kd.data.Source`; default: the run's own.
            split: split expression; empty: the one that the run evaluates on.
            batch_size: images a batch; 0: the run's.
            teacher: whether a batch holds the teacher's view too, where it differs.
            resize: kernel, as `keras_kd.data.evaluation_dataset` takes it; empty: the run's.

        Returns:
            a `tf.data.Dataset`, see `keras_kd.data.evaluation_dataset`.
        """
        settings, sides = self.config.data, sides_of(self.config, self.last)
        return data.evaluation_dataset(
            self.source if source is None else source,
            split or settings.eval_split,
            batch_size or settings.eval_batch_size,
            sides.student,
            teacher_resolution=sides.teacher if teacher else None,
            full_image=settings.eval_full_image,
            scale=settings.eval_scale,
            resize=resize or settings.eval_resize,
            modality=modality_of(self.config, self.last),
        )

    def students_at(self, files, teacher):
        """The student as it was at chosen steps of the last stage.

        Args:
            files: dict of step -> checkpoint, see `keras_kd.training.checkpoints.Checkpoints`.
            teacher: the run's teacher.

        Yields:
            (step, student): always the same `tf.function` of a float32 Keras model from images to
            logits, whose weights change from step to step.

        Raises:
            ValueError: a checkpoint that is damaged.
        """
        settings = self.last.settings
        network, methods = self.learner(self.last, teacher)
        kd = make_model(self.last.name, settings, network, teacher, methods, self.config.seed)
        student = trained = kd.evaluated  # what a run evaluates, and what leaves
        if self.config.precision != "float32":
            student, _ = self.learner(self.last, teacher, precision="float32")
        answer = tf.function(student, reduce_retracing=True)
        for step, path in files.items():
            read_weights(path, kd.state())
            if student is not trained:
                student.set_weights(trained.get_weights())
            yield step, answer


def chosen_files(steps, files):
    """The checkpoints that --steps names.

    Args:
        steps: "100,200", "all", or empty.
        files: dict of step -> file of those that there are.

    Returns:
        dict of step -> file; empty where `steps` is.

    Raises:
        ValueError: not numbers, or steps without a checkpoint.
    """
    if not steps:
        return {}
    there = ", ".join(map(str, files)) or "none"
    if steps.strip() == "all" and files:
        return files
    try:
        wanted = sorted({int(step) for step in steps.split(",")})
    except ValueError:
        wanted = None
    if wanted is None or not files.keys() >= set(wanted):
        raise ValueError(
            f"--steps must be 'all', or steps of the distillation that have a checkpoint: {there}. "
            f"Received: --steps={steps}. To keep chosen ones, train with config.checkpoint.keep_at."
        )
    return {step: files[step] for step in wanted}
