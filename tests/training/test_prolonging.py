"""Which stages may go on beyond their old ends, told by a working directory alone."""

import pytest
from tiny_run import tiny_run

from keras_kd.config.chain import stages_of
from keras_kd.run.workdir import Workdir
from keras_kd.training.lengths import Lengths
from keras_kd.training.pieces import Piece, record
from keras_kd.training.prolonging import accept

LENGTHS = Lengths(64, 16)


@pytest.fixture
def folder(tmp_path):
    """That of a run of 6 steps whose stage `distil` is finished."""
    workdir = Workdir(tmp_path, tiny_run())
    workdir.finish("distil", {"steps": 6})
    record(workdir.checkpoints("distil"), [Piece(0, 0, 6)])
    workdir.checkpoints("distil").best.touch()
    return tmp_path


def longer(total="10 steps", how="stretch", **changes):
    return tiny_run(**{"distil.total": total, "distil.prolong": how, **changes})


def asked(folder, config):
    workdir = Workdir(folder, config)
    accept(stages_of(config), workdir, lambda stage: LENGTHS)
    return workdir


def test_the_directory_becomes_the_longer_runs(folder):
    assert asked(folder, longer()).result("distil") is None
    with pytest.raises(ValueError, match=r"distil\.total: '10 steps' there, '6 steps' here"):
        Workdir(folder, tiny_run())


def test_the_same_command_changes_nothing(folder):
    before = (folder / "config.json").read_bytes()
    assert asked(folder, tiny_run()).result("distil") == {"steps": 6}
    assert (folder / "config.json").read_bytes() == before
    asked(folder, longer()).finish("distil", {"steps": 10})
    assert asked(folder, longer()).result("distil") == {"steps": 10}


@pytest.mark.parametrize(
    ("total", "how", "message"),
    [
        ("6 steps", "stretch", r"raised total\. Received: distil\.prolong='stretch'.* \(6 steps\)"),
        ("1.5 epochs", "fresh", r"total='1\.5 epochs' \(6 steps\), where .* has '6 steps'"),
        ("7 steps", "fresh", r"config\.distil: The warm-up .* total_steps=1\."),
    ],
)
def test_what_cannot_be_longer_leaves_all_as_it_was(folder, total, how, message):
    before = (folder / "config.json").read_bytes()
    with pytest.raises(ValueError, match=message):
        asked(folder, longer(total, how))
    assert (folder / "config.json").read_bytes() == before
    assert Workdir(folder, tiny_run()).result("distil") == {"steps": 6}


def test_there_must_be_a_run_and_a_checkpoint(folder, tmp_path):
    with pytest.raises(ValueError, match=r"for a run that is there already.*Leave it empty"):
        asked(tmp_path / "new", longer())
    Workdir(folder, tiny_run()).checkpoints("distil").best.unlink()
    with pytest.raises(ValueError, match="prolonged from its last checkpoint"):
        asked(folder, longer())
