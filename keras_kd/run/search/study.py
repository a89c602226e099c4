"""What a search has found, in one SQLite file that several processes share."""

import contextlib
import datetime
import json
import logging
import os
import sqlite3
import time
from pathlib import Path

import optuna
import sqlalchemy.exc
from optuna.trial import TrialState

from keras_kd.config.keys import differences
from keras_kd.run.search.proposals import Seeded
from keras_kd.utils.files import DEAD_AFTER, is_gone, process_space, read_json, write_json
from keras_kd.utils.locks import exclusive

logger = logging.getLogger(__name__)
POLL = 2.0  # s between two looks at what other processes do
PATIENCE = 60  # s for which another process may hold the file
AT_ONCE = 1  # s after which it is said that it is waited for
DIRECTIONS = ("maximize", "minimize", "minimize")  # agreement, milliseconds, bytes
_NOT_OPEN = (
    "The file of a study must be open to all of its processes. Received: {path} ({error}). Wait "
    "for whoever holds it, or end that process, and start the same command again."
)
DONE = (TrialState.COMPLETE, TrialState.PRUNED)


class Study:
    """The trials of a search.

    Args:
        folder: the study's folder; made if missing.
        asked: JSON-able dict of all that the search was asked for, which a later start must ask
            for too.
        seed: of the proposals.
        patience: seconds for which another process may hold the file.

    Raises:
        ValueError: the folder is another search's, or its file is damaged.
        OSError: the file is locked, or the folder cannot be written.
    """

    def __init__(self, folder, asked, seed=0, patience=PATIENCE):
        self.path = Path(folder) / "study.db"
        self._waited = False
        _check_same(Path(folder), asked)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with exclusive(folder):
            _check_file(self.path, patience)
            storage = optuna.storages.RDBStorage(
                f"sqlite:///{self.path.absolute()}",
                engine_kwargs={"connect_args": {"timeout": patience}},
            )
            self._study = optuna.create_study(
                storage=storage,
                sampler=Seeded(seed),
                study_name="search",
                directions=DIRECTIONS,
                load_if_exists=True,
            )
            self._take_up()

    def _take_up(self):
        """What processes left unfinished that are not there any more is proposed again."""
        for trial in self._study.get_trials(states=[TrialState.RUNNING]):
            if _is_left(trial):
                self._study.tell(trial.number, state=TrialState.FAIL)
                self._study.enqueue_trial(trial.params)

    @property
    def done(self):
        """The trials that came to an end, measured, dropped or tried: list of `FrozenTrial`."""
        return self._study.get_trials(states=DONE)

    def ask(self, trials):
        """The next trial, or None where as many as asked for are done or under way."""
        begun = self._study.get_trials(states=[*DONE, TrialState.RUNNING], deepcopy=False)
        if len(begun) >= trials:
            return None
        trial = self._study.ask()
        trial.set_user_attr("owner", [process_space(), os.getpid()])
        return trial

    def wait(self):
        """Waits for the other processes' trials: whether it is worth to `ask` again."""
        waits = self._study.get_trials(states=[TrialState.RUNNING], deepcopy=False)
        if not waits:
            return False
        if not self._waited:
            logger.info("Waiting for %d students that other processes try.", len(waits))
            self._waited = True
        time.sleep(POLL)
        with exclusive(self.path.parent):
            self._take_up()
        return True

    @contextlib.contextmanager
    def kept_open(self):
        """Tells what becomes of the file in the block as what it is.

        Raises:
            OSError: it is locked, damaged or gone.
        """
        try:
            yield
        except (sqlalchemy.exc.DBAPIError, optuna.exceptions.StorageInternalError) as error:
            cause = getattr(error, "orig", None) or error.__cause__ or error
            raise OSError(_NOT_OPEN.format(path=self.path, error=cause)) from error

    def complete(self, trial, agreement, milliseconds, size):
        """Ends a trial that was tried to its end."""
        self._study.tell(trial, (agreement, milliseconds, size))

    def drop(self, trial, why, excess=None):
        """Ends a trial early.

        Args:
            trial: what `ask` gave.
            why: in words.
            excess: dict from a budget to the share by which it was missed, negative where it was
                met; None: the student was measured and fits.
        """
        trial.set_user_attr("why", why)
        for name, share in (excess or {}).items():
            trial.set_constraint(name, share)
        self._study.tell(trial, state=TrialState.PRUNED)


def _is_left(trial):
    """Whether nobody is at a trial any more; of another machine's only its age tells."""
    space, pid = trial.user_attrs.get("owner", ("", 0))
    if space == process_space():
        return is_gone(pid)
    return (datetime.datetime.now() - trial.datetime_start).total_seconds() > DEAD_AFTER


def _check_same(folder, asked):
    """Refuses the folder of another search."""
    path, asked = folder / "search.json", json.loads(json.dumps(asked))
    known = read_json(path)
    if known is None:
        write_json(path, asked)
        return
    differing = [f"--{one}" for one in differences(known, asked)]
    if differing:
        raise ValueError(
            f"The folder of --study={folder} belongs to another search. Differences: "
            f"{'; '.join(differing)}. Choose another --study, or ask for the same."
        )


def _check_file(path, patience):
    """Refuses a file that is damaged or that another process does not let go."""
    try:
        try:
            found = _looked_over(path, min(AT_ONCE, patience))
        except sqlite3.OperationalError as error:
            logger.info(
                "%s is not open (%s): waiting for up to %g s for whoever holds it.",
                path, error, patience,
            )  # fmt: skip
            found = _looked_over(path, patience)
    except sqlite3.OperationalError as error:
        raise OSError(_NOT_OPEN.format(path=path, error=error)) from error
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise ValueError(
            f"The file of a study must be whole. Received: {path} ({found}). Bring back a copy, or "
            "choose another --study; what was trained beside it may stay."
        )


def _looked_over(path, patience):
    """What SQLite says of a file that may be written: "ok", or what is wrong with it."""
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        connection.execute("ROLLBACK")
    finally:
        connection.close()
    return found
