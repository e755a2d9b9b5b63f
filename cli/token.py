"""`mainstay token`."""

import sys
from typing import Annotated

import msgspec
import typer

from cli.connection import connected, settings
from cli.durations import parse_duration
from cli.errors import Invalid
from cli.terminal import Output, OutputOption, say, show
from wire.api import TokenKind, TokenRequest, TokenResponse
from wire.validation import describe

app = typer.Typer(help="Who may join, ask and submit.", rich_markup_mode=None)


@app.callback()
def _token() -> None:
    pass


@app.command("create")
def create_token(
    context: typer.Context,
    kind: Annotated[TokenKind, typer.Option(help="join: one node, once. api: an operator or a submitter.")],
    name: Annotated[str, typer.Option(help="Whom it is for; with join the node's name.")],
    user: Annotated[str | None, typer.Option(help="The Unix user that jobs of an api token run as.")] = None,
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="30m, 2h, 7d; join: 10m unless told.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Print a new token on stdout, this once; what to do with it goes to stderr."""
    request = _request(kind, name, user, lasting)
    with connected(context) as client:
        answer = client.create_token(request)
    if output is Output.JSON:
        show(answer, lambda _: "", output)
        return
    print(answer.token)
    _explain(request, answer, settings(context).api)


def _request(kind: TokenKind, name: str, user: str | None, lasting: str | None) -> TokenRequest:
    expires_s = None if lasting is None else parse_duration(lasting)
    asked = {"kind": kind.value, "name": name, "user": user, "expires_s": expires_s}
    try:
        return msgspec.convert(asked, TokenRequest)
    except msgspec.ValidationError as error:
        raise Invalid(f"--{describe(error)}") from None


def _explain(request: TokenRequest, answer: TokenResponse, api: str) -> None:
    until = f"until {answer.expires_at:%Y-%m-%d %H:%M:%S} UTC" if answer.expires_at else "without end"
    say(f"valid {until}; put it into a file that only its owner reads")
    if request.kind is TokenKind.JOIN:
        join = f"mainstay-agent join --api {api} --token-file FILE --ca-fingerprint {answer.ca_fingerprint}"
        print(f"on {request.name}:  {join}", file=sys.stderr)
