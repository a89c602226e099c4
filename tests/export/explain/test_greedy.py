"""The search takes what helps most, and stops where it is enough or nothing helps."""

from keras_kd.export.explain.greedy import search

GAINS = {"a": 1.0, "b": 6.0, "c": 3.0, "d": 0.1}


def measured(keep):
    decibels = 10 + sum(GAINS[name] for name in keep)
    return {"sqnr_db": decibels, "agreement": min(1.0, decibels / 20)}


def test_the_best_layer_comes_first_and_the_useless_never():
    singles, path = search(list(GAINS), measured, enough=1.1)
    assert [one["keep"] for one in singles] == [["a"], ["b"], ["c"], ["d"]]
    assert [one["keep"] for one in path] == [[], ["b"], ["b", "c"], ["b", "c", "a"]]
    assert [one["sqnr_db"] for one in path] == [10, 16, 19, 20]


def test_two_layers_that_help_only_together_are_both_found():
    def measured(keep):
        return {"sqnr_db": 20.0 if {"a", "b"} <= set(keep) else 10.0, "agreement": 0.5}

    path = search(["c", "a", "b"], measured, enough=1.1)[1]
    assert {"a", "b"} <= set(path[-1]["keep"]) and path[-1]["sqnr_db"] == 20


def test_it_stops_where_it_is_enough():
    assert search(list(GAINS), measured, enough=0.8)[1][-1]["keep"] == ["b"]
    asked = []
    search(list(GAINS), lambda keep: asked.append(keep) or measured(keep), enough=0.5)
    assert asked == [("a",), ("b",), ("c",), ("d",), ()]  # nothing is wrong: singles alone


def test_no_more_layers_than_asked_for():
    assert len(search(list(GAINS), measured, 1.1, most=1)[1]) == 2
    assert search([], measured, 1.1)[1] == [{"sqnr_db": 10, "agreement": 0.5, "keep": []}]
