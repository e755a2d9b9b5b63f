"""What handlers are given, by name; app.py provides it."""

from datetime import datetime
from typing import Any

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from controller.api.authentication import TokenDesk
from controller.api.operations import Operations
from controller.state.operations import Actor
from controller.trust import Trust

Core = NamedDependency[SkipValidation[Operations]]
Desk = NamedDependency[SkipValidation[TokenDesk]]
Authority = NamedDependency[SkipValidation[Trust]]
LinkAddress = NamedDependency[SkipValidation[str]]  # HOST:PORT, as agents reach it
Caller = NamedDependency[SkipValidation[Actor]]  # whose token came with the request
Now = NamedDependency[SkipValidation[datetime]]


async def provide_caller(request: Request[Actor, Any, Any]) -> Actor:
    return request.user
