"""Numbers as people read them; None and NaN become a dash."""

import math

DASH = "\u2013"  # an en dash


def is_number(value):
    """True for finite ints and floats (and not for True and False)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def percent(value, digits=2):
    """0.98611 -> "98.61 %"."""
    return f"{100 * value:.{digits}f} %" if is_number(value) else DASH


def count(value):
    """78410 -> "78,410"."""
    return f"{value:,.0f}" if is_number(value) else DASH


def size(value):
    """90713 bytes -> "90.7 kB" (powers of ten, as disks and stores count)."""
    if not is_number(value):
        return DASH
    for unit, digits in (("B", 0), ("kB", 1), ("MB", 2)):
        if value < 1000 or unit == "MB":
            return f"{value:,.{digits}f} {unit}"
        value /= 1000
    return DASH


def milliseconds(value):
    """0.1149 -> "0.115 ms": three significant digits."""
    if not is_number(value):
        return DASH
    digits = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f} ms"


def points(difference):
    """A difference of fractions in percentage points: -0.0194 -> "\u22121.94", with its sign."""
    if not is_number(difference):
        return DASH
    number = f"{100 * difference:+.2f}"
    return "0.00" if float(number) == 0 else number.replace("-", "\u2212")


def duration(seconds):
    """3725 -> "1 h 2 min"; 95 -> "1 min 35 s"."""
    if not is_number(seconds):
        return DASH
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def fraction(part, whole):
    """Part of a whole: "1/8" up to a half, else "92 %"; None where it cannot be said."""
    if not (is_number(part) and is_number(whole)) or part <= 0 or whole <= 0:
        return None
    if whole / part >= 2:
        return f"1/{int(whole / part)}"  # rounded down: 8.7 times smaller is not 1/9
    return f"{100 * part / whole:.0f} %"
