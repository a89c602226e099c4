"""What the cells of the studies read from a run."""

import cell_runs

from keras_kd.utils.files import write_json


def test_the_least_agreement_is_of_the_other_ways_to_resize(tmp_path):
    kinds = [{"agreement": value} for value in (0.1, 0.9, 0.8)]  # the first is the evaluation's own
    write_json(tmp_path / "report.json", {"resizing": {"kinds": kinds}})
    assert cell_runs.least_agreement(tmp_path) == 0.8
