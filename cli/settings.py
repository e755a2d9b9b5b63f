"""Which controller, with which token, trusted by which CA: options first, then the environment, then a file.

``~/.config/mainstay/cli.toml`` may say ``api``, ``token_file`` and ``ca``.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from cli.errors import Invalid
from wire.names import API_PORT, HOST_PORT

DEFAULT_API = f"127.0.0.1:{API_PORT}"
_API = re.compile(rf"^(?:https://)?(?P<address>{HOST_PORT})/?$")


class Options(msgspec.Struct, frozen=True):
    """What was given on the command line."""

    api: str | None = None
    token_file: Path | None = None
    ca: Path | None = None


class Settings(msgspec.Struct, frozen=True):
    api: str  # HOST:PORT
    token: str
    ca: Path


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    api: str | None = None
    token_file: str | None = None
    ca: str | None = None


def resolve(options: Options, environment: Mapping[str, str], home: Path) -> Settings:
    """Raises Invalid with one line that says which option, variable or field to set."""
    path = home / ".config" / "mainstay" / "cli.toml"
    file = _read_file(path)
    api = _address(options.api or environment.get("MAINSTAY_API") or file.api or DEFAULT_API)
    ca = options.ca or _path(environment.get("MAINSTAY_CA"), Path()) or _path(file.ca, path.parent)
    if ca is None:
        raise Invalid(f"no CA certificate: set --ca, MAINSTAY_CA or `ca` in {path}")
    return Settings(api, _token(options, environment, file, path), ca)


def _address(api: str) -> str:
    match = _API.match(api)
    if match is None:
        raise Invalid(f"api: {api!r} is not HOST:PORT; mend --api, MAINSTAY_API or cli.toml")
    return match["address"]


def _token(options: Options, environment: Mapping[str, str], file: File, path: Path) -> str:
    direct = environment.get("MAINSTAY_TOKEN")
    if direct and options.token_file is None:
        return direct.strip()
    named = options.token_file or _path(environment.get("MAINSTAY_TOKEN_FILE"), Path())
    source = named or _path(file.token_file, path.parent)
    if source is None:
        raise Invalid(f"no token: set --token-file, MAINSTAY_TOKEN, MAINSTAY_TOKEN_FILE or `token_file` in {path}")
    token = _read(source, "the token file").strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Invalid(f"{source}: holds no token; put the one that `mainstay token create` printed there")
    return token


def _read_file(path: Path) -> File:
    if not path.is_file():
        return File()
    try:
        return msgspec.toml.decode(_read(path, "the settings"), type=File)
    except msgspec.DecodeError as error:
        raise Invalid(f"{path}: {error}") from None


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        raise Invalid(f"{path}: no such file; {what} should be there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: {what} cannot be read ({getattr(error, 'strerror', None) or 'not text'})") from None


def _path(text: str | None, base: Path) -> Path | None:
    return base / Path(text).expanduser() if text else None
