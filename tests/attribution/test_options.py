"""Options are declared once: the declarations agree with the functions, and refuse what a method cannot use."""

import inspect
import math
from functools import partial

import numpy as np
import pytest

from videxplain.attribution.options import Option
from videxplain.attribution.registry import METHODS
from videxplain.errors import VidexplainError

NUMBER = Option("samples", int, 25, "", minimum=1)
SHARE = Option("share", float, 0.5, "", minimum=0, maximum=1)
WORD = Option("fill", str, "mean", "", choices=("mean", "blur"))
BOX = Option("box", tuple[int, int, int], None, "", minimum=1, metavar="T,H,W")
AREAS = Option("areas", tuple[float, ...], (0.1,), "", minimum=0.1, maximum=0.9)


@pytest.mark.parametrize("method", METHODS)
def test_the_declared_options_are_those_of_the_function(method):
    run = METHODS[method].run
    skipped = 2 if isinstance(run, partial) else 1  # the rule of a CAM, and the pass
    function = run.func if isinstance(run, partial) else run
    parameters = list(inspect.signature(function).parameters.values())[skipped:]
    declared = {option.name: option.default for option in METHODS[method].options}
    taken = {one.name: one.default for one in parameters if one.name in declared or not isinstance(run, partial)}
    assert declared == taken


@pytest.mark.parametrize("method", METHODS)
def test_every_default_can_be_given(method):
    METHODS[method].check_options({option.name: option.default for option in METHODS[method].options})
    for option in METHODS[method].options:
        assert option.help.endswith(".")
        text = ",".join(map(str, option.default)) if isinstance(option.default, tuple) else str(option.default)
        if option.default is not None:
            assert option.parse(text) == option.default


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        (NUMBER, 0, "samples is a whole number, at least 1, not 0"),
        (NUMBER, 2.5, "samples is a whole number, at least 1, not 2.5"),
        (NUMBER, True, "samples is a whole number, at least 1, not True"),
        (NUMBER, None, "samples is a whole number, at least 1, not None"),
        (NUMBER, "3", "samples is a whole number, at least 1, not '3'"),
        (SHARE, 1.5, "share is a number from 0 to 1, not 1.5"),
        (SHARE, math.nan, "share is a number from 0 to 1, not nan"),
        (Option("power", float, 1.0, "", maximum=3), math.inf, "power is a number, at most 3, not inf"),
        (WORD, "blurr", "unknown fill 'blurr'; did you mean blur?"),
        (WORD, 3, "unknown fill '3'; known: mean, blur"),
        (BOX, (1, 2), "box is 3 whole numbers (T,H,W), each at least 1, not (1, 2)"),
        (BOX, (1, 2, 0), "box is 3 whole numbers (T,H,W), each at least 1, not (1, 2, 0)"),
        (BOX, 4, "box is 3 whole numbers (T,H,W), each at least 1, not 4"),
        (AREAS, (), "areas is numbers from 0.1 to 0.9, not ()"),
        (AREAS, (0.2, 1.0), "areas is numbers from 0.1 to 0.9, not (0.2, 1.0)"),
    ],
)
def test_what_is_refused(option, value, said):
    with pytest.raises(VidexplainError) as error:
        option.check(value)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("option", "value"),
    [
        (NUMBER, np.int64(3)),
        (SHARE, 1),
        (SHARE, np.float32(0.5)),
        (BOX, None),
        (BOX, [1, 2, 3]),
        (BOX, np.ones(3, int)),
    ],
)
def test_what_is_taken(option, value):
    option.check(value)


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        (NUMBER, "12", 12),
        (SHARE, "0.25", 0.25),
        (WORD, "blur", "blur"),
        (BOX, "4, 16,16", (4, 16, 16)),
        (AREAS, "0.2,0.4", (0.2, 0.4)),
    ],
)
def test_text_is_read(option, text, value):
    assert option.parse(text) == value


@pytest.mark.parametrize(("option", "text"), [(NUMBER, "1.5"), (NUMBER, ""), (SHARE, "much"), (BOX, "1,2"), (WORD, "")])
def test_text_that_is_no_value_is_refused(option, text):
    with pytest.raises(VidexplainError, match=option.name):
        option.parse(text)


def test_a_method_names_itself_and_its_options():
    with pytest.raises(VidexplainError, match=r"^rise: samples is a whole number from 2 to 1000000, not 1$"):
        METHODS["rise"].check_options({"samples": 1})
    with pytest.raises(VidexplainError, match=r"^unknown option of rise 'sample'; did you mean samples\?$"):
        METHODS["rise"].parse_options({"sample": "1"})
    with pytest.raises(VidexplainError, match=r"^saliency takes no option 'samples'$"):
        METHODS["saliency"].check_options({"samples": 1})


@pytest.mark.parametrize("given", [10**21, 10**400, str(10**21), "9" * 5000])
def test_numbers_beyond_all_sense_are_refused_in_a_short_line(given):
    option = Option("seed", int, 0, "The seed.", minimum=0)
    with pytest.raises(VidexplainError, match=r"^seed is a whole number, at least 0, not a number of \d+ digits$"):
        option.parse(given) if isinstance(given, str) else option.check(given)
