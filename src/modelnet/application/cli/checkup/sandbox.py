"""Check of the sandbox for `modelnet doctor`: whether unit tests of answers can be run here."""

from modelnet.application.cli.checkup.finding import Finding, hint, ok
from modelnet.core.error import SetupError


async def check_sandbox() -> Finding:
    """Try it: nothing but a trial tells what a kernel and a container allow."""
    from modelnet.resource.sandbox.sandbox import Sandbox

    try:
        await Sandbox().trial()
    except (SetupError, OSError) as error:
        return hint("tests", str(error), "a kernel 6.2 or later, with Landlock and seccomp")
    return ok("tests", "answers that are code can be tried: modelnet up --run-tests")
