"""A small client for a running node: what the command line asks, and errors as ours again."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import msgspec

from modelnet.application.address import NodeAddress
from modelnet.application.gateway.catalog import NodeView, OfferView
from modelnet.application.gateway.endpoint import LINES
from modelnet.application.gateway.feedback.view import PATH as FEEDBACK
from modelnet.application.gateway.feedback.view import DeletedView, FeedbackView, LearntView
from modelnet.application.refusal import error_of
from modelnet.application.reply import ChatChunk, ExamEvent, MoveEvent, ProbeEvent
from modelnet.application.sse import EventReader
from modelnet.core.error import (
    AddressError,
    AuthenticationError,
    DeadlineError,
    PeerLostError,
)
from modelnet.core.wish import NO_WISH, Wish
from modelnet.interaction.recall.count import RecallStatus

if TYPE_CHECKING:
    import aiohttp

CONNECT_TIMEOUT_S = 5.0
REPLY_TIMEOUT_S = 10.0
GRACE_S = 5.0
"""How much longer than the node itself the client waits: the node's own error says more."""

T = TypeVar("T")


class _MaybeError(msgspec.Struct, frozen=True):
    error: msgspec.Raw = msgspec.Raw()


class _Listing(msgspec.Struct, frozen=True):
    data: msgspec.Raw


@asynccontextmanager
async def open_client(address: NodeAddress) -> AsyncGenerator["NodeClient", None]:
    """Yield a client of the node at `address`."""
    import aiohttp

    headers = {"Authorization": f"Bearer {address.api_key}"} if address.api_key else {}
    async with aiohttp.ClientSession(
        headers=headers, timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
    ) as session:
        yield NodeClient(session, address)


class NodeClient:
    """Asks one node. Every method raises `ModelnetError`s with a sentence for the user."""

    def __init__(self, session: "aiohttp.ClientSession", address: NodeAddress) -> None:
        self._session = session
        self._address = address

    async def models(self) -> list[OfferView]:
        """Return every model of every node."""
        return await self._list("/modelnet/v1/models", OfferView)

    async def nodes(self) -> list[NodeView]:
        """Return every node that serves a model."""
        return await self._list("/modelnet/v1/nodes", NodeView)

    async def cache(self) -> RecallStatus:
        """Return how the answers that are told again do."""
        return self._decode(await self._reply("GET", "/modelnet/v1/cache"), RecallStatus)

    async def chat(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        model: str,
        timeout_s: float,
        max_tokens: int | None = None,
        temperature: float | None = None,
        explain: bool = False,
        tests: str | None = None,
        wish: Wish = NO_WISH,
        is_fresh: bool = False,
    ) -> AsyncGenerator[ChatChunk, None]:
        """Yield the answer to a conversation as it comes."""
        body: dict[str, Any] = {
            "model": model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
            "modelnet": {
                "deadline_s": timeout_s,
                "explain": explain,
                **({} if tests is None else {"tests": tests}),
                **({"cache": False} if is_fresh else {}),
                **msgspec.to_builtins(wish),
            },
        }
        limits = {"max_tokens": max_tokens, "temperature": temperature}
        body |= {name: value for name, value in limits.items() if value is not None}
        events = self._events("/v1/chat/completions", body, timeout_s + GRACE_S)
        async with aclosing(events):
            async for data in events:
                yield self._decode(data, ChatChunk)

    async def exam(
        self,
        model: str,
        *,
        timeout_s: float,
        skills: Sequence[str] | None = None,
        questions: int,
        seed: int | None = None,
    ) -> AsyncGenerator[ExamEvent, None]:
        """Have a model examined; yield the progress, then what was measured."""
        body = {"model": model, "skills": skills, "questions": questions, "seed": seed}
        async with aclosing(self._events("/modelnet/v1/exam", body, timeout_s)) as events:
            async for data in events:
                yield self._decode(data, ExamEvent)

    async def probe(
        self, *, model: str | None, timeout_s: float
    ) -> AsyncGenerator[ProbeEvent, None]:
        """Have models tried, all that cost nothing or one; yield what is found."""
        body = {"model": model}
        async with aclosing(self._events("/modelnet/v1/probe", body, timeout_s)) as events:
            async for data in events:
                yield self._decode(data, ProbeEvent)

    async def pull(
        self, model: str, *, source: str | None, serve: bool, timeout_s: float
    ) -> AsyncGenerator[MoveEvent, None]:
        """Have the node fetch a model; yield how far it is, at last what came."""
        body = {"model": model, "node": source, "serve": serve}
        async with aclosing(self._moves("/modelnet/v1/pull", body, timeout_s)) as events:
            async for event in events:
                yield event

    async def deploy(
        self, model: str, *, to: str, timeout_s: float
    ) -> AsyncGenerator[MoveEvent, None]:
        """Have another node serve a model; yield how far it is, at last what came."""
        body = {"model": model, "to": to}
        async with aclosing(self._moves("/modelnet/v1/deploy", body, timeout_s)) as events:
            async for event in events:
                yield event

    async def give_feedback(
        self, id: str, *, score: float | None = None, answer: str | None = None
    ) -> FeedbackView:
        """Say how right an answer was, or what would have been right."""
        body = {"id": id, "score": score, "answer": answer}
        told = await self._reply("POST", FEEDBACK, msgspec.json.encode(body))
        return self._decode(told, FeedbackView)

    async def delete_feedback(self, *, before: str | None, id: str | None) -> int:
        """Have what is kept destroyed, all or what fits; return how many entries that were."""
        which = {name: value for name, value in (("before", before), ("id", id)) if value}
        told = await self._reply("DELETE", f"{FEEDBACK}?{urlencode(which)}".rstrip("?"))
        return self._decode(told, DeletedView).deleted

    async def import_feedback(self, lines: bytes) -> int:
        """Have a node learn what another exported; return how many verdicts that were."""
        told = await self._reply("PUT", FEEDBACK, lines)
        return self._decode(told, LearntView).learnt

    async def feedback(self) -> AsyncGenerator[bytes, None]:
        """Yield what is kept, a line of JSON each."""
        import aiohttp

        timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_TIMEOUT_S, sock_read=REPLY_TIMEOUT_S)
        with self._sentences(REPLY_TIMEOUT_S):
            async with self._session.get(
                self._address.base_url + FEEDBACK, timeout=timeout, allow_redirects=False
            ) as response:
                if response.content_type != LINES.decode():
                    self._check(response, await response.read())
                    raise self._not_a_node()
                async for line in _lines(response.content.iter_any()):
                    self._check_event(line)
                    yield line

    async def _moves(
        self, path: str, body: Mapping[str, Any], timeout_s: float
    ) -> AsyncGenerator[MoveEvent, None]:
        async with aclosing(self._events(path, body, timeout_s)) as events:
            async for data in events:
                yield self._decode(data, MoveEvent)

    async def _list(self, path: str, kind: type[T]) -> list[T]:
        listing = self._decode(await self._reply("GET", path), _Listing)
        return self._decode(bytes(listing.data), list[kind])

    async def _reply(self, method: str, path: str, body: bytes | None = None) -> bytes:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=REPLY_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S)
        with self._sentences(REPLY_TIMEOUT_S):
            async with self._session.request(
                method,
                self._address.base_url + path,
                data=body,
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                told = await response.read()
                self._check(response, told)
        return told

    async def _events(
        self, path: str, body: Mapping[str, Any], timeout_s: float
    ) -> AsyncGenerator[bytes, None]:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_TIMEOUT_S)
        with self._sentences(timeout_s):
            async with self._session.post(
                self._address.base_url + path,
                data=msgspec.json.encode(body),
                headers={"Content-Type": "application/json"},
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                if response.content_type != "text/event-stream":
                    self._check(response, await response.read())
                    raise self._not_a_node()
                reader = EventReader()
                async for received in response.content.iter_any():
                    for data in reader.feed(received):
                        if data == b"[DONE]":
                            return
                        self._check_event(data)
                        yield data
        raise _cut_off()

    def _check(self, response: "aiohttp.ClientResponse", body: bytes) -> None:
        if response.status == 401:
            raise self._key_refused()
        if response.status != 200:
            raise error_of(response.status, body, response.headers.get("Retry-After"))

    def _check_event(self, data: bytes) -> None:
        if bytes(self._decode(data, _MaybeError).error) not in (b"", b"null"):
            raise error_of(500, data)

    def _decode(self, data: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.DecodeError as error:
            raise self._not_a_node() from error

    @contextmanager
    def _sentences(self, timeout_s: float) -> Generator[None]:
        import aiohttp

        try:
            yield
        except aiohttp.ClientConnectorError as error:
            raise self._unreachable("nothing answers there") from error
        except aiohttp.ConnectionTimeoutError as error:
            raise self._unreachable(f"no answer within {CONNECT_TIMEOUT_S:g} s") from error
        except TimeoutError as error:
            raise DeadlineError(
                f"The node did not finish within {timeout_s:g} s: ask again, or give it more time."
            ) from error
        except aiohttp.InvalidURL as error:
            raise self._unreachable("that is not a URL") from error
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, OSError) as error:
            raise _cut_off() from error
        except aiohttp.ClientError as error:
            raise self._not_a_node() from error

    def _unreachable(self, why: str) -> AddressError:
        url, pid = self._address.base_url, self._address.pid
        if pid is not None:
            return AddressError(
                f"The node that ran here (process {pid}) is gone: {url} no longer answers; start "
                "it again with `modelnet up`."
            )
        return AddressError(
            f"No node is at {url} ({why}): check the address, or start a node with `modelnet up`."
        )

    def _not_a_node(self) -> AddressError:
        return AddressError(
            f"What answers at {self._address.base_url} is not a modelnet node: check the address."
        )

    def _key_refused(self) -> AuthenticationError:
        problem = "refuses the key in" if self._address.api_key else "wants its key: set"
        return AuthenticationError(
            f"The node at {self._address.base_url} {problem} MODELNET_API_KEY."
        )


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    rest = b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line
    if rest:
        raise _cut_off()


def _cut_off() -> PeerLostError:
    return PeerLostError("The node closed the connection before the end: ask again.")
