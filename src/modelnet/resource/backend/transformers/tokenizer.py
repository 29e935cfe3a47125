"""A folder's tokenizer and chat template: from what is said to the tokens a model reads."""

from typing import Any

from modelnet.core.error import ContextTooLongError, InvalidRequestError
from modelnet.resource.backend.transformers.library import Libraries
from modelnet.resource.backend.transformers.vocabulary import Vocabulary


class Tokenizer:
    """Asked from many threads."""

    def __init__(
        self,
        libraries: Libraries,
        own: Any,
        vocabulary: Vocabulary,
        *,
        name: str,
        context_length: int,
    ) -> None:
        """Wrap the library's `own` tokenizer."""
        self._libraries = libraries
        self._own = own
        self._name = name
        self.vocabulary = vocabulary
        self.context_length = context_length
        """Tokens of one request, prompt and answer together."""

    @property
    def has_template(self) -> bool:
        """Whether the folder says how a conversation is written."""
        return bool(self._own.chat_template)

    def render(self, messages: list[dict[str, Any]], tools: tuple[dict[str, Any], ...]) -> str:
        """Return the text that the chat template makes of a conversation.

        Raises:
            InvalidRequestError: the template refuses it.
        """
        refusal: type[Exception] = self._libraries.jinja2.TemplateError
        try:
            return self._own.apply_chat_template(
                messages, tools=list(tools) or None, tokenize=False, add_generation_prompt=True
            )
        except (refusal, TypeError, ValueError, KeyError, AttributeError) as error:
            raise InvalidRequestError(
                f"The chat template of {self._name} refuses this conversation ({error}); change it."
            ) from error

    def read_prompt(self, text: str, *, is_whole: bool = False) -> list[int]:
        """Return the tokens of a text to go on after; `is_whole` lets it begin as the model wants.

        Raises:
            InvalidRequestError: it is empty.
            ContextTooLongError: they leave no room for one more.
        """
        tokens = self._tokens(text, is_whole=is_whole)
        while tokens and is_whole and tokens[-1] in self.vocabulary.ends:
            tokens.pop()
        if not tokens:
            raise InvalidRequestError(f"{self._name} cannot begin from nothing; write a prompt.")
        self.check_length(len(tokens) + 1)
        return tokens

    def read_input(self, text: str) -> list[int]:
        """Return the tokens of a text to encode or embed, as the model wants them.

        Raises:
            InvalidRequestError: there is nothing to read.
            ContextTooLongError: they do not fit.
        """
        tokens = self._tokens(text, is_whole=True)
        if not tokens:
            raise InvalidRequestError(f"{self._name} cannot read an empty input; leave it out.")
        self.check_length(len(tokens))
        return tokens

    def read_continuation(self, text: str) -> list[int]:
        """Return tokens whose bytes are exactly those of a text.

        Raises:
            InvalidRequestError: there are none.
        """
        # SentencePiece puts a space before a text, but not within one.
        for lead in ("", "\n"):
            leading = self._tokens(lead)
            tokens = self._tokens(lead + text)
            rest = tokens[len(leading) :]
            spelled = b"".join(map(self.vocabulary.bytes_of, rest))
            if tokens[: len(leading)] == leading and spelled == text.encode():
                return rest
        raise InvalidRequestError(f"{self._name} cannot write this continuation; change it.")

    def check_length(self, n_tokens: int) -> None:
        """Return if a text of so many tokens fits.

        Raises:
            ContextTooLongError: it does not.
        """
        if n_tokens > self.context_length:
            raise ContextTooLongError(
                f"{n_tokens} tokens do not fit the {self.context_length} of {self._name}; "
                "shorten the prompt."
            )

    def _tokens(self, text: str, *, is_whole: bool = False) -> list[int]:
        # The library's own encode would change settings that other threads are using.
        return self._own.backend_tokenizer.encode(text, add_special_tokens=is_whole).ids
