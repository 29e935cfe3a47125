"""A model that costs nothing: 1,000 tokens, one piece each, so that only their way is measured."""

from collections.abc import AsyncGenerator

import anyio.lowlevel

TOKENS = 1000


async def thousand_tokens(prompt: str) -> AsyncGenerator[str, None]:
    """Yield the tokens, so many a second as the prompt says; at 0, as fast as they are taken."""
    tokens_per_s = float(prompt)
    due_s = anyio.current_time()
    for _ in range(TOKENS):
        if tokens_per_s:
            due_s += 1.0 / tokens_per_s
            await anyio.sleep_until(due_s)
        else:
            await anyio.lowlevel.checkpoint()
        yield " tok"
