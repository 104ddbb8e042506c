"""The least that answers: the framework, the server, one handler. What the start of `serve` is measured against.

`python -m service.bench.empty PORT`; nothing but the benchmark starts it.
"""

import sys

import uvicorn
from litestar import Litestar, get

from service.local.ports import LOOPBACK


@get("/health/ready")
async def ready() -> dict[str, bool]:
    """As the health port answers."""
    return {"ready": True}


def main() -> None:
    """Answer until SIGTERM."""
    uvicorn.run(Litestar([ready]), host=LOOPBACK, port=int(sys.argv[1]), log_level="warning", loop="uvloop")


if __name__ == "__main__":
    main()
