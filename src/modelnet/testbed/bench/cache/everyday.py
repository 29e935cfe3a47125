"""Short questions in several wordings, each beside questions that only look like it.

Written for this benchmark, as the recorded sets have exam questions of a page and next to nothing
that is asked twice in other words. Every wording of a line has the same answer, no trap has it.
"""

from typing import Final, NamedTuple


class Topic(NamedTuple):
    """One question."""

    wordings: tuple[str, ...]
    traps: tuple[str, ...]


def _topic(wordings: str, traps: str) -> Topic:
    return Topic(*(tuple(part.strip() for part in side.split("|")) for side in (wordings, traps)))


TOPICS: Final = (
    _topic(
        "What is the capital of France? | Which city is the capital of France? "
        "| What's the French capital city called? | Name the capital of France.",
        "What is the capital of Spain? | What was the capital of France in 1940?",
    ),
    _topic(
        "How many legs does a spider have? | What is the number of legs of a spider? "
        "| How many legs has a spider got?",
        "How many eyes does a spider have? | How many legs does an ant have?",
    ),
    _topic(
        "What is the boiling point of water in Celsius? | At what Celsius temperature does water "
        "boil? | What temperature in Celsius is water's boiling point?",
        "What is the boiling point of water in Fahrenheit? | What is the freezing point of water "
        "in Celsius?",
    ),
    _topic(
        "Who wrote Hamlet? | Who is the author of Hamlet? | Who is the writer of Hamlet?",
        "Who wrote Faust? | When was Hamlet written?",
    ),
    _topic(
        "What is the largest planet of the solar system? | Which planet is the largest of the "
        "solar system? | Name the largest planet in our solar system.",
        "What is the smallest planet of the solar system? | What is the second largest planet of "
        "the solar system?",
    ),
    _topic(
        "What is 17 plus 25? | Calculate 17 plus 25. | How much is 17 plus 25?",
        "What is 17 plus 26? | What is 17 minus 25?",
    ),
    _topic(
        "How many metres are 3 kilometres? | What are 3 kilometres in metres? "
        "| Convert 3 kilometres to metres.",
        "How many kilometres are 3 metres? | Convert 3 kilometres to miles.",
    ),
    _topic(
        "What is the chemical symbol of gold? | Which chemical symbol does gold have? "
        "| Give me the chemical symbol for gold.",
        "What is the chemical symbol of silver? | What is the melting point of gold?",
    ),
    _topic(
        "In what year did the Titanic sink? | In which year did the Titanic go down? "
        "| What was the year the Titanic sank?",
        "In what year was the Titanic built? | In what year did the Lusitania sink?",
    ),
    _topic(
        "Is a whale a mammal? | Are whales mammals? | Does a whale count as a mammal?",
        "Is a shark a mammal? | Isn't a whale a fish?",
    ),
    _topic(
        "How do I enable two-factor login? | How can I enable two-factor login? "
        "| What do I do to enable login with two factors?",
        "How do I disable two-factor login? | How do I reset two-factor login?",
    ),
    _topic(
        "What does 'bonjour' mean in English? | What is the meaning of 'bonjour' in English? "
        "| What is the English word for 'bonjour'?",
        "What does 'bonsoir' mean in English? | What does 'bonjour' mean in German?",
    ),
    _topic(
        "Which language is spoken in Brazil? | What language do people in Brazil speak? "
        "| What is the language of Brazil?",
        "Which language is spoken in Peru? | Which currency is used in Brazil?",
    ),
    _topic(
        "What is the square root of 144? | Calculate the square root of 144. "
        "| Give me the square root of 144.",
        "What is the square of 144? | What is the square root of 121?",
    ),
    _topic(
        "What colour is a ripe banana? | Which colour does a ripe banana have? "
        "| What is the colour of ripe bananas?",
        "What colour is an unripe banana? | What colour is a ripe tomato?",
    ),
    _topic(
        "Who painted the Mona Lisa? | Which painter made the Mona Lisa? "
        "| By whom was the Mona Lisa painted?",
        "Who painted the Night Watch? | Where is the Mona Lisa shown?",
    ),
    _topic(
        "Is it safe to eat raw potatoes? | Can raw potatoes be eaten safely? "
        "| Are raw potatoes safe to eat?",
        "Is it safe to eat raw carrots? | Is it not unsafe to eat boiled potatoes?",
    ),
    _topic(
        "How long does it take to boil an egg hard? | How long must an egg boil to be hard? "
        "| How long do I boil a hard egg?",
        "How long does it take to boil an egg soft? | How long does it take to fry an egg?",
    ),
    _topic(
        "What is the opposite of hot? | Which word is the opposite of hot? "
        "| Tell me the opposite of hot.",
        "What is the opposite of tall? | What is another word for hot?",
    ),
    _topic(
        "How many continents are there? | What is the number of continents? "
        "| How many continents exist?",
        "How many oceans are there? | How many countries are there?",
    ),
)

UNSEEN: Final = (
    _topic(
        "Which river flows through London? | What river runs through London? "
        "| What's the river that flows through London?",
        "Which river flows through Rome? | Which bridge crosses the river in London?",
    ),
    _topic(
        "How far is the moon from the earth? | What is the distance from the earth to the moon? "
        "| How far away from the earth is the moon?",
        "How far is the sun from the earth? | How heavy is the moon?",
    ),
    _topic(
        "How do I undo a commit in git? | How can I undo a git commit? "
        "| What undoes a commit in git?",
        "How do I redo a commit in git? | How do I undo a merge in git?",
    ),
    _topic(
        "Which vitamin does sunlight give us? | What vitamin do we get from sunlight? "
        "| Which vitamin does the body make in sunlight?",
        "Which vitamin do carrots give us? | What harm does sunlight do us?",
    ),
    _topic(
        "What do pandas eat? | What is the food of pandas? | Which food do pandas eat?",
        "What eats pandas? | Where do pandas live?",
    ),
    _topic(
        "What is 20 percent of 150? | How much is 20 percent of 150? "
        "| Calculate 20 percent of 150.",
        "What is 15 percent of 200? | What percent of 150 is 20?",
    ),
    _topic(
        "How do I translate German into English? | How can I translate from German to English? "
        "| What translates German into English?",
        "How do I translate English into German? | How do I translate Dutch into English?",
    ),
    _topic(
        "Is alcohol allowed on flights? | Am I allowed to take alcohol on flights? "
        "| Can alcohol be taken on flights?",
        "Is alcohol forbidden on flights? | Are liquids allowed on flights?",
    ),
    _topic(
        "What makes bread rise? | Why does bread rise? | What is it that makes bread rise?",
        "What makes bread fall? | What makes the sea rise?",
    ),
    _topic(
        "Who scored the winning goal for Germany in 2014? | Which player scored Germany's winning "
        "goal in 2014? | Who was it that scored the winning goal for Germany in 2014?",
        "Who scored the winning goal for Spain in 2010? | Who saved the goal for Germany in 2014?",
    ),
    _topic(
        "What is the plural of mouse? | Which plural does mouse have? "
        "| Give me the plural of mouse.",
        "What is the plural of moose? | What is the past tense of mouse?",
    ),
    _topic(
        "Does the dog chase the cat in that tale? | In that tale, does the dog chase the cat? "
        "| Is the dog chasing the cat in that tale?",
        "Does the cat chase the dog in that tale? | Does the dog catch the cat in that tale?",
    ),
)
"""Written after the guards were done, so that nothing of these was fitted to them."""

FRAMES: Final = (
    "{}",
    "Please answer: {}",
    "Hello! {}",
    "{} Thanks!",
    "Could you tell me this: {}",
    "I want to know: {}",
    "{} Please be exact.",
    "Hi, {}",
    "Just let me know: {}",
    "Thanks. {}",
    "Good morning! {}",
    "Hello, {}",
    "Let me ask this: {}",
    "Please tell me: {}",
    "{} Just that, please.",
    "Say, {}",
    "My question is this: {}",
    "{} Thank you!",
    "Kindly answer: {}",
    "Hey! {}",
    "Can you tell me: {}",
    "{} I need to know.",
    "Please let me know: {}",
    "I wonder: {}",
)
"""What people put around a question, and what changes nothing of it."""
