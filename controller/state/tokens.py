"""Tokens: a join token lets one node join once, an API token says who asks. Times are UTC."""

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from controller.errors import Invalid, NotFound, Unauthorized
from controller.state.events import record
from controller.state.models import Token
from controller.state.store import changed_one
from wire.api import TokenKind, TokenView
from wire.names import NodeName

SECRET_BYTES = 32
ID_LENGTH = 12  # of the hash's hexadecimal digits: names a token, and tells nothing about its secret
USE_IS_NOTED_EVERY = timedelta(minutes=1)
JOIN_LIFE = timedelta(minutes=10)  # SPIRE's default
LONGEST_JOIN_LIFE = timedelta(days=1)
FIRST_TOKEN = "admin"  # noqa: S105 - its name, not its secret
MAKER_OF_FIRST_TOKEN = "mainstay:first-start"  # noqa: S105 - likewise
PREFIX = {TokenKind.JOIN: "ms_join_", TokenKind.API: "ms_api_"}


class NewToken(msgspec.Struct, frozen=True):
    """``name`` is the person's, or with JOIN the node's. ``life`` None: 10 minutes for JOIN, no end for API."""

    kind: TokenKind
    name: str
    user: str | None = None
    life: timedelta | None = None


class IssuedToken(msgspec.Struct, frozen=True):
    secret: str  # kept nowhere but here
    expires_at: datetime | None


class Holder(msgspec.Struct, frozen=True):
    """Whom a valid token speaks for."""

    name: str
    user: str | None


def create(session: Session, new: NewToken, created_by: str, now: datetime) -> IssuedToken:
    """Raises Invalid for what no token may say."""
    if new.kind is TokenKind.JOIN:
        _check_join(new)
    elif new.user == "root":
        raise Invalid("user: jobs never run as root; name another user")
    life = new.life or (JOIN_LIFE if new.kind is TokenKind.JOIN else None)
    issued = IssuedToken(PREFIX[new.kind] + secrets.token_urlsafe(SECRET_BYTES), now + life if life else None)
    session.add(
        Token(
            hash=_hash(issued.secret),
            kind=new.kind.value,
            name=new.name,
            user=new.user,
            created_by=created_by,
            created_at=now,
            expires_at=issued.expires_at,
        )
    )
    return issued


def verify_api(session: Session, secret: str, now: datetime) -> Holder:
    """Raises Unauthorized."""
    token = session.get(Token, _hash(secret))
    if token is None or token.kind != TokenKind.API or _expired(token, now):
        raise Unauthorized("the API token is not valid; ask for one with `mainstay token create --kind api`")
    if token.used_at is None or now - token.used_at >= USE_IS_NOTED_EVERY:
        token.used_at = now
    return Holder(token.name, token.user)


def views(session: Session, now: datetime) -> list[TokenView]:
    """Those that are valid still, oldest first."""
    rows = session.scalars(select(Token).order_by(Token.created_at, Token.hash)).all()
    return [_view(row) for row in rows if not _expired(row, now) and not (row.kind == TokenKind.JOIN and row.used_at)]


def revoke(session: Session, token: str, by: str, now: datetime) -> TokenView:
    """Forget the token of that id. Raises NotFound, and Invalid where the id stands for more than one."""
    found = session.scalars(select(Token).where(Token.hash.startswith(token, autoescape=True)).limit(2)).all()
    if not found or len(token) < ID_LENGTH:
        raise NotFound(f"no token {token!r}; `mainstay token list` shows those there are")
    if len(found) > 1:
        raise Invalid(f"token: {token!r} stands for more than one; give more of it")
    view = _view(found[0])
    session.delete(found[0])
    message = f"{view.kind} token {view.id} of {view.name}, made by {view.created_by}"
    record(session, now, "token_revoked", reason=by, message=message)
    return view


def _view(row: Token) -> TokenView:
    return TokenView(
        id=row.hash[:ID_LENGTH],
        kind=TokenKind(row.kind),
        name=row.name,
        user=row.user,
        created_by=row.created_by,
        created_at=row.created_at,
        used_at=row.used_at,
        expires_at=row.expires_at,
    )


def verify_join(session: Session, secret: str, node: str, now: datetime) -> None:
    """Would :func:`redeem` take it? Nothing is changed. Raises Unauthorized."""
    token = session.get(Token, _hash(secret))
    if token is None or token.kind != TokenKind.JOIN or token.name != node or token.used_at or _expired(token, now):
        raise _no_join(node)


def redeem(session: Session, secret: str, node: str, now: datetime) -> None:
    """Use up a join token; of two that try at once, one gets it. Raises Unauthorized."""
    claim = (
        update(Token)
        .where(Token.hash == _hash(secret), Token.kind == TokenKind.JOIN.value, Token.name == node)
        .where(Token.used_at.is_(None), Token.expires_at > now)
        .values(used_at=now)
        .execution_options(synchronize_session=False)
    )
    if not changed_one(session, claim):
        raise _no_join(node)


def expire(session: Session, now: datetime) -> int:
    """Forget tokens whose time is over; gives how many."""
    result = session.execute(delete(Token).where(Token.expires_at <= now).execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return result.rowcount


def ensure_first(session: Session, user: str | None, now: datetime, save: Callable[[str], None]) -> bool:
    """The first start makes the token of person:admin and has ``save`` keep its secret before the row is committed:
    a crash between the two leaves a dead secret, which the next start replaces, and never a token nobody has. Later
    starts only bind it to ``user``.
    """
    first = session.scalar(select(Token).where(Token.created_by == MAKER_OF_FIRST_TOKEN))
    if first is not None:
        first.user = user
        return False
    issued = create(session, NewToken(TokenKind.API, FIRST_TOKEN, user), MAKER_OF_FIRST_TOKEN, now)
    save(issued.secret)
    return True


def _check_join(new: NewToken) -> None:
    if new.user is not None:
        raise Invalid("user: only an API token has a user; leave it out")
    if new.life is not None and new.life > LONGEST_JOIN_LIFE:
        raise Invalid(f"expires_s: a join token lives at most {LONGEST_JOIN_LIFE.total_seconds():.0f} s")
    try:
        msgspec.convert(new.name, NodeName)
    except msgspec.ValidationError:
        raise Invalid(f"name: {new.name!r} is no node's name: small letters, digits, dots and hyphens") from None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def _expired(token: Token, now: datetime) -> bool:
    return token.expires_at is not None and token.expires_at <= now


def _no_join(node: str) -> Unauthorized:
    return Unauthorized(f"the join token is not valid for node {node!r}: wrong, used or expired; create another one")
