"""`mainstay token`."""

import sys
from typing import Annotated

import msgspec
import typer

from cli import completion
from cli.connection import connected, settings
from cli.durations import parse_duration
from cli.errors import Invalid
from cli.filters import like
from cli.render import token as render
from cli.render.listing import ordering
from cli.terminal import Output, OutputOption, SortOption, YesOption, confirm, say, show
from cli.watch import INTERVAL_S, IntervalOption, WatchOption, display
from wire.api import TokenKind, TokenRequest, TokenResponse
from wire.validation import describe

app = typer.Typer(help="Who may join, ask and submit.", rich_markup_mode=None)


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
    if output in (Output.JSON, Output.YAML):
        show(answer, lambda _: "", output)
        return
    print(answer.token)
    _explain(request, answer, settings(context).api)


@app.command("list")
def list_tokens(
    context: typer.Context,
    kind: Annotated[TokenKind | None, typer.Option("--kind", help="Only tokens of this kind.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Only those for such a name.")] = None,
    sort: SortOption = None,
    output: OutputOption = Output.TABLE,
    watch: WatchOption = False,
    interval: IntervalOption = INTERVAL_S,
) -> None:
    """Tokens that are valid, oldest first; never their secrets."""
    order = ordering(render.COLUMNS, sort)
    with connected(context) as client:
        display(
            lambda: order(
                [view for view in client.tokens() if (kind is None or view.kind is kind) and like(view.name, name)]
            ),
            render.tokens,
            output,
            watch,
            interval,
        )


@app.command("revoke")
def revoke_token(
    context: typer.Context,
    token: Annotated[str, typer.Argument(help="Its id, as `token list` shows it.", autocompletion=completion.tokens)],
    yes: YesOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a token invalid, at once."""
    with connected(context) as client:
        named = next((view for view in client.tokens() if view.id == token), None)
        what = f"the {named.kind} token of {named.name}, made by {named.created_by}" if named else f"token {token}"
        if not confirm(f"Revoke {what}? Whoever uses it is refused from now on.", yes):
            raise typer.Abort
        view = client.revoke_token(token)
    show(view, lambda now: render.tokens([view], now), output)


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
