"""What `report.json` tells of a run's stages, however much of it there is and of whatever age."""

import dataclasses

TEACHER, BASELINE, STUDENT = "teacher", "baseline", "student"  # keys of the report
COLOURS = {TEACHER: "var(--teacher)", STUDENT: "var(--student)"}
FIRST_OTHER = "var(--other)"
GOLDEN_ANGLE = 137.5  # degrees: hues that lie apart however many there are


@dataclasses.dataclass(frozen=True)
class Stage:
    """A network that a run has trained or loaded.

    Attributes:
        name: its name in `config.stages` and in `metrics.jsonl`.
        label: how the page and the table call it.
        role: "teacher" or "student" of the run, or "".
        colour: CSS colour, the same in tables, charts and legends.
        facts: dict; `accuracy`, `parameters`, `network` and `agreement` where they are known.
    """

    name: str
    label: str
    role: str
    colour: str
    facts: dict


def section(facts, name):
    """The dict `name` in a dict of facts, or an empty one: reports may be unfinished or old."""
    value = (facts or {}).get(name)
    return value if isinstance(value, dict) else {}


def stages_of(report, config=None, logged=()):
    """The stages of a run in their order, a teacher that was loaded first.

    Args:
        report: what `report.json` holds, or {}.
        config: the run's config, a nested dict, where the report may be missing.
        logged: names of stages that only the log knows.

    Returns:
        list of `Stage`.
    """
    trained = {name: facts for name, facts in section(report, "stages").items() if facts}
    student = (list(trained) or planned(config) or ["distil"])[-1]
    followed = section(trained, student).get("teachers") or [TEACHER]
    # Several teachers answer as one: the report's teacher is none of them.
    teacher = followed[0] if len(followed) == 1 else TEACHER
    loaded = {} if teacher in trained else {teacher: {}}
    found = loaded | {name: dict(facts) for name, facts in trained.items()}
    for role, name in ((TEACHER, teacher), (BASELINE, BASELINE), (STUDENT, student)):
        # Of a run that tells its stages, a baseline of another name stands under that.
        if role != BASELINE or name in found or not trained:
            found[name] = found.get(name, {}) | _renamed(section(report, role))
    _complete(found, student, section(report, "fidelity").get("agreement"))
    shown = dict.fromkeys([*(name for name in found if found[name]), *logged])
    return _coloured(shown, found, teacher, student)


def planned(config):
    """Names of the stages that a run's config lists; none where that is another program's."""
    found = (config or {}).get("stages")
    return [str(name) for name in found] if isinstance(found, list) else []


def teacher_of(report):
    """What to call the student's teacher: the stage that was, or "teacher" for any other."""
    stages = section(report, "stages")
    followed = section(stages, list(stages)[-1]).get("teachers") if stages else None
    return followed[0] if followed and len(followed) == 1 and followed[0] in stages else TEACHER


def _renamed(facts):
    """A role's facts by the names that stages use."""
    network = {"network": facts["name"]} if facts.get("name") else {}
    return {key: value for key, value in facts.items() if key != "name"} | network


def _complete(found, student, agreement):
    """Adds what older reports leave to be concluded."""
    if found[student] and agreement is not None:
        found[student]["agreement"] = agreement
    if found.get(BASELINE):  # the student's network, trained on labels alone
        same = {key: found[student].get(key) for key in ("network", "parameters")}
        found[BASELINE] = {key: value for key, value in same.items() if value} | found[BASELINE]


def _coloured(order, found, teacher, student):
    stages, others = [], 0
    for name in order:
        role = {teacher: TEACHER, student: STUDENT}.get(name, "")
        colour = COLOURS.get(role) or other_colour(others)
        others += not role
        # The last stage trains the student, whatever its name, unless another goes by that.
        label = STUDENT if role == STUDENT and STUDENT not in order else name
        stages.append(Stage(name, label, role, colour, found.get(name, {})))
    return stages


def other_colour(index):
    """The colour of what is neither teacher nor student, by its place among such."""
    if not index:
        return FIRST_OTHER
    return f"hsl({(295 + GOLDEN_ANGLE * (index - 1)) % 360:.0f} var(--others))"
