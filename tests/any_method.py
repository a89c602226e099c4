"""Any method of the folder with what it needs, for tests that find the methods by themselves."""

from keras_kd import KDModel, methods
from keras_kd.methods.critics import CRITIC

EXAMPLES = 16
# What a method that cannot do without arguments gets: the first that it takes.
ARGUMENTS = (
    {},
    {"student_taps": ["late"], "teacher_taps": ["late"]},
    {"student_taps": ["early", "late"], "teacher_taps": ["early", "late"], "pool": True},
    {"num_examples": EXAMPLES, "negatives": 20, "dimensions": 8},
    {"num_examples": EXAMPLES, "total_steps": 12},
)
# Those whose images a network makes have tests of their own, see test_data_free.py.
DATA_FREE = sorted(name for name, cls in methods.METHODS.items() if cls.scheme == "data-free")
EVERY = sorted(methods.METHODS.keys() - set(DATA_FREE))
SCHEMES = [name for name in EVERY if methods.METHODS[name].scheme != "offline"]


def make(name):
    """The method with its defaults, or with the first arguments that it accepts."""
    for arguments in ARGUMENTS:
        try:
            return methods.METHODS[name](**arguments)
        except (ValueError, TypeError) as error:
            refusal = error
    raise refusal


def model(name, student, teacher, label_weight=0.0, **arguments):
    """A model that learns by the method alone; where it has peers, each as `student()` makes it.

    Args:
        name: class name of the method.
        student: function to a new network.
        teacher: the teacher.
        label_weight: of a method with a fixed teacher; schemes have labels in any case.
        **arguments: of `KDModel`.
    """
    method = make(name)
    brought = {"student", "teacher", *method.averages()}
    further = [getattr(method, "peer", None), *method.sources]
    peers = {each: student() for each in further
             if each and each not in brought and not each.endswith(CRITIC)}  # fmt: skip
    own = method.prepare_student(student(), teacher)
    label_weight = label_weight or float(name in SCHEMES)
    return KDModel(own, teacher, method, label_weight, learners=peers, **arguments)


def data_free(name, student, teacher):
    """A data-free scheme with a small generator, and a student that follows the teacher by it."""
    cls = methods.METHODS[name]
    follows = issubclass(cls, methods.SoftTargets)
    # Of several steps of the generator two show all, and are traced in less than half the time.
    small = {"width": 4, "noise": 6, "steps": min(2, cls().steps)} if not follows else {}
    chosen = [cls(**small), *([] if follows else [methods.SoftTargets()])]
    return KDModel(student, teacher, chosen, seed=3)
