"""What the run's records and predictions show: learning curves, disagreements, classes."""

from keras_kd.export import charts, pictures, words
from keras_kd.export.markup import section_of, table, text

STAGE_NAMES = {"teacher": "teacher", "baseline": "baseline", "distil": "student (distilled)"}
SHOWN_CLASSES = 12
PICTURE_LEGEND = (
    '<div class="legend"><span class="teacher"><span class="chip"></span>teacher\'s answer</span>'
    '<span class="student"><span class="chip"></span>student\'s answer</span></div>'
)


def learning(records):
    """Loss and validation accuracy of every stage."""
    loss = charts.curves(records, charts.LOSS)
    accuracy = charts.curves(records, charts.VALIDATION_ACCURACY)
    stages = list(dict.fromkeys([*accuracy, *loss]))
    if not stages:
        return ""
    legend = "".join(
        f'<span><span class="chip" style="background:{charts.colour_of(stage, index)}"></span>'
        f"{text(STAGE_NAMES.get(stage, stage))}</span>"
        for index, stage in enumerate(stages)
    )
    # The same order for both charts, so that a stage has one colour.
    drawn = [
        ("Validation accuracy", _ordered(accuracy, stages), {"as_percent": True}),
        ("Training loss (log scale)", _ordered(loss, stages), {"log": True}),
    ]
    figures = "".join(
        f"<figure><figcaption>{title}</figcaption>"
        f"{charts.learning_curves(points, title, **options)}</figure>"
        for title, points, options in drawn
        if points
    )
    body = f'<div class="legend">{legend}</div><div class="charts">{figures}</div>'
    note = (
        "Losses of different stages measure different things, distance to the labels or to the "
        "teacher, so compare their shapes and not their heights."
    )
    return section_of("How they learned", body, note)


def disagreement(workdir, predictions, names):
    """Images on which student and teacher give different answers."""
    title = "Where student and teacher disagree"
    if predictions is None:
        return ""
    if predictions["teacher"] is None:
        return section_of(title, "", "The teacher's predictions were not kept in this run.")
    indices, total = pictures.disagreements(predictions)
    examples = len(predictions["label"])
    if not total:
        return section_of(
            title, "", f"Nowhere: they give the same answer on all {words.count(examples)} images."
        )
    found, missing = pictures.fetch(workdir, indices, predictions["label"])
    shown = f", the {len(indices)} surest first" if len(indices) < total else ", the surest first"
    note = f"On {words.count(total)} of {words.count(examples)} test images{shown}."
    if missing:
        note += f" The images cannot be shown: {missing}"
    figures = "".join(
        _picture(index, found.get(int(index)), predictions, names) for index in indices
    )
    return section_of(
        title, f'{PICTURE_LEGEND}<div class="pictures">{figures}</div>', note, long=True
    )


def classes(predictions, names):
    """Accuracy by class, the hardest first."""
    if predictions is None:
        return ""
    rows = []
    for name, count, teacher, student in pictures.per_class(predictions, names):
        gap = "" if teacher is None else words.points(student - teacher)
        tone = (
            "" if teacher is None or student == teacher else "good" if student > teacher else "bad"
        )
        rows.append(
            f"<tr><td>{text(name)}</td><td>{words.count(count)}</td>"
            f"<td>{words.percent(teacher, 1)}</td><td>{words.percent(student, 1)}</td>"
            f'<td class="{tone}">{gap}</td></tr>'
        )
    head = ("class", "images", "teacher", "student", "difference, points")
    body = table(head, rows[:SHOWN_CLASSES])
    if len(rows) > SHOWN_CLASSES:
        more = f"The other {len(rows) - SHOWN_CLASSES} classes"
        rest = table(head, rows[SHOWN_CLASSES:])
        body += f"<details><summary>{more}</summary>{rest}</details>"
    return section_of(
        "Class by class", body, "The classes hardest for the student come first.", long=True
    )


def _ordered(curves, stages):
    return {stage: curves[stage] for stage in stages if stage in curves}


def _picture(index, image, predictions, names):
    label = int(predictions["label"][index])
    if image is None:
        shown = '<div class="blank"></div>'
    else:
        address, small = pictures.data_url(image)
        kind = ' class="small"' if small else ""
        shown = f'<img{kind} src="{address}" alt="test image {index}" loading="lazy">'
    answers = ""
    for who in ("teacher", "student"):
        answer = int(predictions[who][index].argmax())
        sure = words.percent(predictions[who][index, answer], 0)
        tone = "good" if answer == label else "bad"
        answers += (
            f'<div class="answer {who}" title="{who}"><span class="chip"></span>'
            f'<span class="name {tone}">{text(pictures.class_name(names, answer))}</span>'
            f'<span class="sure">{sure}</span></div>'
        )
    truth = f'<span class="note">label</span> {text(pictures.class_name(names, label))}'
    caption = f'<figcaption><div class="truth">{truth}</div>{answers}</figcaption>'
    return f"<figure>{shown}{caption}</figure>"
