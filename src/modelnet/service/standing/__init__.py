"""What this node believes of every model: its own measurements, others' reports, and the claim.

Evidence is weighed by whose it is. Own measurements count in full. Another examiner's count half at
first, then more or less as its reports agree with what this node measured itself
(`modelnet.service.sender`); all others together no more than `OTHERS_CAP` questions a skill, so
that no crowd outvotes a long experience. What an owner reports of its own model counts nothing. The
card's claim, with the models it seems to be like (`modelnet.service.likeness`), is a prior worth
two questions. All evidence fades with age, and at once where a model was seen to change
(`modelnet.service.change`).

A model of the same name on another node is judged by what was measured of that node alone: a name
is only a claim. Pure: `now` (Unix seconds) is an argument.
"""

from modelnet.service.standing.belief import Belief, Estimate
from modelnet.service.standing.beliefs import CAPACITY, Beliefs
from modelnet.service.standing.entry import HALF_LIFE_S, OTHERS_CAP

__all__ = ["CAPACITY", "HALF_LIFE_S", "OTHERS_CAP", "Belief", "Beliefs", "Estimate"]
