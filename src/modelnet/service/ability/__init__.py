"""What models claim to do, the requests that try it, and what the answers show."""

from modelnet.service.ability.claim import ABILITIES, Ability, claims
from modelnet.service.ability.trial import Trial, trials
from modelnet.service.ability.verdict import Finding, Heard, Speed, Verdict, speed, verdict

__all__ = [
    "ABILITIES",
    "Ability",
    "Finding",
    "Heard",
    "Speed",
    "Trial",
    "Verdict",
    "claims",
    "speed",
    "trials",
    "verdict",
]
