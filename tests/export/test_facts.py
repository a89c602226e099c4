"""Which networks a run had, from reports and logs of any age."""

from keras_kd.export.facts import stages_of


def told(report, config=None, logged=()):
    return [(stage.name, stage.label, stage.role) for stage in stages_of(report, config, logged)]


PUBLIC = {
    "teacher": {"accuracy": 0.9, "parameters": 100, "name": "bit"},
    "baseline": {"accuracy": 0.7},
    "student": {"accuracy": 0.8, "parameters": 10, "name": "small"},
}
USUAL = [
    ("teacher", "teacher", "teacher"),
    ("baseline", "baseline", ""),
    ("distil", "student", "student"),
]


def test_a_report_without_stages():
    assert told(PUBLIC) == USUAL
    _, baseline, student = stages_of(PUBLIC | {"fidelity": {"agreement": 0.6}})
    assert baseline.facts == {"accuracy": 0.7, "parameters": 10, "network": "small"}
    assert student.facts["agreement"] == 0.6


def test_a_run_that_has_only_a_log():
    names = ["teacher", "baseline", "distil", "teacher"]
    assert told({}, {}, names) == USUAL
    chain = {"stages": ["teacher", "middle", "end"]}
    assert told({}, chain, ["teacher", "middle"])[1] == ("middle", "middle", "")
    assert told({}, chain, ["teacher", "middle", "end"])[2] == ("end", "student", "student")
    assert told({}) == []


def test_the_exact_figures_of_a_role_replace_the_stages_own():
    stages = {name: {"accuracy": 0.5} for name in ("teacher", "baseline", "distil")}
    found = stages_of(PUBLIC | {"stages": stages})
    assert [stage.facts["accuracy"] for stage in found] == [0.9, 0.7, 0.8]


def test_a_chain_ends_in_the_student_whose_teacher_comes_before():
    stages = {
        "large": {"accuracy": 0.95, "teachers": []},
        "assistant": {"accuracy": 0.9, "teachers": ["large"]},
        "plain": {"accuracy": 0.7, "teachers": []},
        "last": {"accuracy": 0.8, "teachers": ["assistant"]},
    }
    assert told(PUBLIC | {"stages": stages}) == [
        ("large", "large", ""),
        ("assistant", "assistant", "teacher"),
        ("plain", "plain", ""),  # the baseline, under its own name
        ("last", "student", "student"),
    ]
    stages["student"] = stages.pop("plain")
    stages["last"] = stages.pop("last")
    assert told(PUBLIC | {"stages": stages})[-1] == ("last", "last", "student")


def test_teachers_that_were_loaded_or_are_several_have_their_own_row():
    stages = {"a": {"accuracy": 1.0}, "distil": {"accuracy": 0.8, "teachers": ["big.keras"]}}
    assert told(PUBLIC | {"stages": stages})[0] == ("big.keras", "big.keras", "teacher")
    stages["distil"]["teachers"] = ["a", "b"]
    assert told(PUBLIC | {"stages": stages})[0] == ("teacher", "teacher", "teacher")
    stages = {"teacher": None, "distil": {"accuracy": 0.8}}  # an older run of a handle
    assert told({"teacher": PUBLIC["teacher"], "stages": stages}) == [USUAL[0], USUAL[2]]


def test_colours_differ_however_many_there_are():
    stages = {f"s{index}": {"accuracy": 0.5} for index in range(40)}
    colours = [stage.colour for stage in stages_of({"stages": stages})]
    assert len(set(colours)) == 40
