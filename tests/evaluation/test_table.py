"""The table of what was found, by its cells."""

from keras_kd.evaluation.table import table


def test_a_row_a_step_and_one_for_each_member():
    member = {"kl": 0.25, "agreement": 1.0}
    rows = [
        {"step": 1200, "kl": 0.12345, "agreement": 0.5, "members": {"one": member}},
        {"step": 2400, "kl": 0.0, "agreement": 0.98765, "student_per_class": [0.1]},
    ]
    header, _, *lines = table(rows).splitlines()
    assert header.split() == ["KL", "agreement"]  # no column that no row has, no lists
    assert [line.split() for line in lines] == [
        ["step", "1,200", "0.1235", "50.00", "%"],
        ["one", "0.2500", "100.00", "%"],
        ["step", "2,400", "0.0000", "98.77", "%"],
    ]
    assert lines[1].startswith("  one ")


def test_what_a_row_lacks_stays_empty():
    lines = table([{"step": 1, "kl": 1.0}, {"step": 2, "l2": 2.0}]).splitlines()
    assert lines[2].split() == ["step", "1", "1.0000"] and lines[3].endswith("2.0000")
    assert lines[2].index("1.0000") < lines[3].index("2.0000")
