"""`modelnet cache`: how the answers that a node tells again do."""

from collections.abc import Iterator

from modelnet.application.cli.asking import with_client
from modelnet.application.cli.option import DataDir, Json, Url
from modelnet.application.cli.output import write, write_json
from modelnet.interaction.recall.count import RecallStatus
from modelnet.service.cache.trial import Trust


def cache(url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Tell what was answered from the cache, and how often nearness would have misled."""
    status = with_client(url, data_dir, lambda client: client.cache())
    if as_json:
        write_json(status)
        return
    for line in told(status):
        write(line)


def told(status: RecallStatus) -> Iterator[str]:
    """Yield what there is to tell, a sentence a line."""
    if status.mode == "off":
        yield "Nothing is told again: start the node with --cache exact, or --cache near."
        return
    megabytes = status.size_bytes / 1e6
    yield f"{status.entries} answers kept for {status.for_s:.0f} s each, {megabytes:.1f} MB."
    yield (
        f"{status.asked} questions asked: {status.exact} answered from the same one, "
        f"{status.near} from one near by; {status.waited} waited for an equal one."
    )
    if status.trust is not None:
        yield _trusted(status.trust)
    if status.prefetch:
        yield (
            f"{status.fetched} answers asked for beforehand: {status.fetched_used} wanted since, "
            f"{status.given_up} more given up."
        )


def _trusted(trust: Trust) -> str:
    seen = (
        f"{trust.wrong} of {trust.checks} compared answers differed, so between "
        f"{trust.rate_low:.2%} and {trust.rate_high:.2%} do; {trust.limit:.2%} may"
    )
    if trust.from_cosine is None:
        return f"Nearness is not trusted yet: {seen}."
    return f"Nearness is trusted from a cosine of {trust.from_cosine:.2f} on: {seen}."
