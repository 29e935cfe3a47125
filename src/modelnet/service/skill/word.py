"""Words to ask about: common English ones, and invented ones that are pronounceable."""

import random

_COMMON = """
    able acid actor address afternoon airport album amber anchor angle animal answer apple apron
    arrow artist atlas autumn avenue bacon badge baker balance balloon bamboo banana banner barrel
    basket beach beaver bedroom beetle bench berry bicycle blanket blossom border bottle branch
    bread breeze brick bridge brother bubble bucket buffalo butter button cabin cable cactus camera
    candle canvas captain carbon carpet carrot castle cattle cedar cellar center cereal chain chair
    chalk charcoal cheese cherry chicken circle citizen clay climate clock cloud clover coast coffee
    colony comet compass copper coral corner cotton country cousin cradle crayon cricket crystal
    curtain custom dancer danger daughter dawn desert diamond dinner doctor dollar dolphin donkey
    dragon drawer dream eagle earth echo editor effort elbow elephant ember empire engine evening
    fabric falcon family farmer feather fence field finger fire flame flower flute forest fossil
    fountain friend frozen fruit galaxy garden garlic gentle giant ginger giraffe glacier glass
    glove golden grape gravel guitar hammer harbor harvest helmet herb hidden hill hollow honey
    horizon horse hotel house hunter island ivory jacket jaguar jewel jungle kettle kitchen kitten
    ladder lagoon lantern laptop lawyer leader leather lemon letter library lily linen lion lizard
    lobster lumber machine magnet mango maple marble market meadow melon memory metal meteor mirror
    model monkey morning mother mountain museum music mustard napkin narrow nation needle network
    night noble north number nurse ocean office olive onion orange orbit orchard otter oyster paddle
    painter palace panda paper parade parrot pasture peach peanut pebble pelican pencil people
    pepper piano picnic pigeon pillow pirate planet plastic pocket poem polar potato powder prairie
    prince prism puzzle quartz queen quiet rabbit radar rainbow raven reader ribbon river robin
    rocket rubber saddle salad salmon sandal scarf school season secret shadow shelter shepherd
    signal silver singer sister sketch smooth soccer socket spider spring square squirrel stable
    statue stone storm stream street sugar summer sunset table tailor teacher temple tennis thunder
    ticket tiger timber toast tomato tower tractor travel tunnel turtle uncle unicorn valley velvet
    victory village violin volcano voyage wagon walnut water weather whale wheat whisper willow
    window winter wizard wolf wonder wooden yellow zebra zipper
"""
COMMON = tuple(_COMMON.split())

# Letters that would let a random word come out rude are missing here; the common words have them.
_ONSETS = (*"bdfghjklmnrstvw", "br", "ch", "cl", "dr", "gr", "pl", "st", "th", "tr")
_VOWELS = (*"aaeeiioouy", "ea", "oo", "ou")
_CODAS = ("", "", "", "", "l", "m", "n", "r", "s", "nd", "ng")
_MAX_LETTERS = 10


def invented(rng: random.Random) -> str:
    """Make up a word of one to four syllables and at most ten letters."""
    syllables = rng.choice((1, 2, 2, 3, 3, 4))
    parts = (rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(syllables))
    return ("".join(parts) + rng.choice(_CODAS))[:_MAX_LETTERS]


def word(rng: random.Random) -> str:
    """Draw a common word or, as often, an invented one."""
    return rng.choice(COMMON) if rng.random() < 0.5 else invented(rng)


def words(rng: random.Random, least: int, most: int) -> str:
    """Draw a phrase of `least` to `most` words."""
    return " ".join(word(rng) for _ in range(rng.randint(least, most)))
