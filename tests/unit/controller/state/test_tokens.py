import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from controller.errors import Invalid, Unauthorized
from controller.state import tokens
from controller.state.models import Token
from controller.state.store import Store
from controller.state.tokens import IssuedToken, NewToken
from wire.api import TokenKind

API = NewToken(TokenKind.API, "ann", "ann")
JOIN = NewToken(TokenKind.JOIN, "n1")


def issue(store: Store, new: NewToken, now: datetime) -> IssuedToken:
    return store.transact(lambda s: tokens.create(s, new, "person:admin", now))


def redeemed(store: Store, secret: str, node: str, now: datetime) -> bool:
    try:
        store.transact(lambda s: tokens.redeem(s, secret, node, now))
    except Unauthorized:
        return False
    return True


def test_only_the_hash_is_kept(store: Store, now: datetime) -> None:
    issued = issue(store, API, now)
    row = store.transact(lambda s: s.scalars(select(Token)).one())
    assert row.hash == hashlib.sha256(issued.secret.encode()).hexdigest()
    assert issued.secret.startswith("ms_api_")
    assert len(issued.secret) >= len("ms_api_") + 43


def test_api_token_says_who_asks(store: Store, now: datetime) -> None:
    issued = issue(store, API, now)
    holder = store.transact(lambda s: tokens.verify_api(s, issued.secret, now + timedelta(days=4000)))
    assert (holder.name, holder.user) == ("ann", "ann")


@pytest.mark.parametrize("secret", ["", "ms_api_x", "\udcff"])
def test_wrong_secret_is_nobody(store: Store, now: datetime, secret: str) -> None:
    issue(store, API, now)
    with pytest.raises(Unauthorized):
        store.transact(lambda s: tokens.verify_api(s, secret, now))


def test_api_token_ends(store: Store, now: datetime) -> None:
    issued = issue(store, NewToken(TokenKind.API, "ann", life=timedelta(seconds=5)), now)
    store.transact(lambda s: tokens.verify_api(s, issued.secret, now + timedelta(seconds=4)))
    with pytest.raises(Unauthorized):
        store.transact(lambda s: tokens.verify_api(s, issued.secret, now + timedelta(seconds=5)))


def test_kinds_do_not_stand_in_for_each_other(store: Store, now: datetime) -> None:
    join, api = issue(store, JOIN, now), issue(store, NewToken(TokenKind.API, "n1"), now)
    with pytest.raises(Unauthorized):
        store.transact(lambda s: tokens.verify_api(s, join.secret, now))
    with pytest.raises(Unauthorized):
        store.transact(lambda s: tokens.verify_join(s, api.secret, "n1", now))
    assert not redeemed(store, api.secret, "n1", now)


def test_join_token_is_used_once(store: Store, now: datetime) -> None:
    secret = issue(store, JOIN, now).secret
    store.transact(lambda s: tokens.verify_join(s, secret, "n1", now))
    assert redeemed(store, secret, "n1", now)
    assert not redeemed(store, secret, "n1", now)
    with pytest.raises(Unauthorized, match="used"):
        store.transact(lambda s: tokens.verify_join(s, secret, "n1", now))


def test_join_token_is_bound_to_its_node(store: Store, now: datetime) -> None:
    secret = issue(store, JOIN, now).secret
    assert not redeemed(store, secret, "n2", now)
    assert redeemed(store, secret, "n1", now)


def test_join_token_lives_ten_minutes(store: Store, now: datetime) -> None:
    issued = issue(store, JOIN, now)
    assert issued.expires_at == now + timedelta(minutes=10)
    assert not redeemed(store, issued.secret, "n1", now + timedelta(minutes=10))


def test_of_many_at_once_one_gets_it(store: Store, now: datetime) -> None:
    secret = issue(store, JOIN, now).secret
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda _: redeemed(store, secret, "n1", now), range(8)))
    assert sum(won) == 1


def test_expired_ones_are_forgotten(store: Store, now: datetime) -> None:
    issue(store, JOIN, now)
    issue(store, API, now)
    assert store.transact(lambda s: tokens.expire(s, now)) == 0
    assert store.transact(lambda s: tokens.expire(s, now + timedelta(hours=1))) == 1


@pytest.mark.parametrize(
    ("new", "field"),
    [
        (NewToken(TokenKind.API, "ann", "root"), "user"),
        (NewToken(TokenKind.JOIN, "n1", "ann"), "user"),
        (NewToken(TokenKind.JOIN, "n_1"), "name"),
        (NewToken(TokenKind.JOIN, "n1", life=timedelta(days=2)), "expires_s"),
    ],
)
def test_what_no_token_may_say(store: Store, now: datetime, new: NewToken, field: str) -> None:
    with pytest.raises(Invalid, match=rf"^{field}: "):
        issue(store, new, now)


def test_first_start_makes_the_admins_token_once(store: Store, now: datetime) -> None:
    kept: list[str] = []
    assert store.transact(lambda s: tokens.ensure_first(s, None, now, kept.append))
    assert not store.transact(lambda s: tokens.ensure_first(s, "ann", now, kept.append))
    holder = store.transact(lambda s: tokens.verify_api(s, kept[0], now))
    assert (len(kept), holder.name, holder.user) == (1, "admin", "ann")


def test_first_token_that_could_not_be_kept_does_not_exist(store: Store, now: datetime) -> None:
    def full(_secret: str) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.transact(lambda s: tokens.ensure_first(s, None, now, full))
    assert store.transact(lambda s: tokens.ensure_first(s, None, now, lambda _: None))
