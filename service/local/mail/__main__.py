"""The process of the mail sink: SMTP and the page in one event loop, until SIGTERM."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import uvicorn
from litestar import Litestar

from service.local.mail.box import Box, Summary
from service.local.mail.smtp import Intake, protocol
from service.local.mail.web import routes


def create_sink(box: Box, *, host: str, smtp_port: int, page_url: str) -> Litestar:
    """The page's application; the SMTP server lives as long as it does."""
    listening: list[asyncio.Server] = []

    def told(mail: Summary) -> None:
        click.echo(f"mail for {', '.join(mail.recipients)}: {mail.subject!r} {page_url}/messages/{mail.id}")

    @asynccontextmanager
    async def smtp(_: Litestar) -> AsyncIterator[None]:
        server = await asyncio.get_running_loop().create_server(protocol(Intake(box, told)), host, smtp_port)
        listening.append(server)
        yield
        listening.clear()
        server.close()
        box.connection.close()

    pages = routes(box, smtp_address=f"{host}:{smtp_port}", accepts_mail=lambda: bool(listening))
    return Litestar([pages], lifespan=[smtp], openapi_config=None, logging_config=None)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--smtp-port", default=1025, show_default=True)
@click.option("--port", default=8025, show_default=True, help="of the page")
@click.option(
    "--store", type=click.Path(dir_okay=False, path_type=Path), required=True, help="file that keeps the mails"
)
def main(host: str, smtp_port: int, port: int, store: Path) -> None:
    """Take every mail, deliver none, show them on a page."""
    app = create_sink(Box.open(store), host=host, smtp_port=smtp_port, page_url=f"http://{host}:{port}")
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
