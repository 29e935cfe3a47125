"""The words that a signature reads: English ones, and what negates in some other languages."""

from typing import Final

_NEGATIONS = (
    "no not non never none nobody nothing nowhere neither nor without except unless cannot "
    "hardly nicht kein keine keinen nie ohne pas jamais sans nunca sin niet geen zonder inte "
    "ikke nao mai"
)
_POLAR = (
    "above accept add advantage after all allow always any asc ascending backward backwards "
    "before begin below best better bottom buy cheap cheaper cheapest close cold decrease "
    "decreasing deny desc descending difference disable disadvantage earliest easy enable "
    "end every exclude export fast fewer fewest finish first forward from future greater "
    "greatest hard heavier heaviest high higher highest hot import in include increase "
    "increasing input inside large larger largest last latest least left less light lighter "
    "long longer longest lose loss low lower lowest many max maximum min minimum minus more "
    "most much multiply near new newest next off oldest on only open out output outside over "
    "past plus previous product profit quotient read refuse reject remainder remove right "
    "same sell short shorter shortest since slow slower slowest small smaller smallest some "
    "start sum switch tall taller tallest times top total under until up down upper wider "
    "win worse worst write young younger youngest"
)
_FUNCTION = (
    "a an and answer are as ask asking at be been being but by can could d do does done "
    "evening exactly for give good has have he hello her hers hey hi him his i if is it its "
    "just kindly know let like ll m me might morning must my need of or our please question "
    "re s say she should so t tell tells than thank thanks that the their them then there "
    "these they this those to told us ve want we what which with wonder would you your"
)
_COUNTED = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen twenty"
)
_OTHER_NUMBERS = {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "seventy": "70",
    "eighty": "80",
    "ninety": "90",
    "hundred": "100",
    "thousand": "1000",
    "million": "10^6",
    "billion": "10^9",
    "dozen": "12",
    "half": "1/2",
    "twice": "2x",
    "double": "2x",
    "triple": "3x",
    "second": "2nd",
    "third": "3rd",
    "fourth": "4th",
    "fifth": "5th",
}

NEGATIONS: Final = frozenset(_NEGATIONS.split())
"""Words that turn a question round."""
POLAR: Final = frozenset(_POLAR.split())
"""Words with an opposite near by: embeddings put the two side by side."""
ASKING: Final = frozenset("who whom whose when where why how".split())
"""What is asked for. `What` and `which` ask for anything."""
PAST: Final = frozenset("was were did had".split())
FUTURE: Final = frozenset("will shall".split())
NUMBERS: Final = {word: str(n) for n, word in enumerate(_COUNTED.split())} | _OTHER_NUMBERS
"""Numbers as words."""
FUNCTION: Final = frozenset(_FUNCTION.split())
"""Words that carry no subject."""
