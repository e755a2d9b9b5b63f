from pathlib import Path

import pytest

from cli.errors import Invalid
from cli.settings import Options, resolve


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / ".config" / "mainstay"
    folder.mkdir(parents=True)
    (folder / "cli.toml").write_text('api = "file:1"\ntoken_file = "token"\nca = "ca.pem"\n')
    (folder / "token").write_text("from-file\n")
    return tmp_path


def test_options_go_before_the_environment_before_the_file(home, tmp_path):
    (tmp_path / "given").write_text("given\n")
    environment = {"MAINSTAY_API": "env:2", "MAINSTAY_TOKEN": "from-env", "MAINSTAY_CA": "/env.pem"}
    from_file = resolve(Options(), {}, home)
    from_environment = resolve(Options(), environment, home)
    given = resolve(Options("https://[::1]:3/", tmp_path / "given", Path("/given.pem")), environment, home)
    assert (from_file.api, from_file.token, from_file.ca) == ("file:1", "from-file", home / ".config/mainstay/ca.pem")
    assert (from_environment.api, from_environment.token, str(from_environment.ca)) == ("env:2", "from-env", "/env.pem")
    assert (given.api, given.token, str(given.ca)) == ("[::1]:3", "given", "/given.pem")


@pytest.mark.parametrize(
    ("options", "environment", "said"),
    [
        (Options(), {}, "no CA certificate: set --ca, MAINSTAY_CA"),
        (Options(ca=Path("/ca")), {}, "no token: set --token-file, MAINSTAY_TOKEN"),
        (Options("http://x:1"), {}, "not HOST:PORT"),
        (Options("x"), {}, "not HOST:PORT"),
        (Options(ca=Path("/ca")), {"MAINSTAY_TOKEN_FILE": "/nope"}, "/nope: no such file"),
    ],
)
def test_what_is_missing_is_named_with_the_mend(tmp_path, options, environment, said):
    with pytest.raises(Invalid) as caught:
        resolve(options, environment, tmp_path)
    assert said in str(caught.value)


def test_a_file_that_holds_no_token_is_named(tmp_path):
    path = tmp_path / "token"
    path.write_text("two words\n")
    with pytest.raises(Invalid, match=f"{path}: holds no token"):
        resolve(Options(token_file=path, ca=Path("/ca")), {}, tmp_path)


def test_an_unknown_field_of_the_file_is_named(home):
    (home / ".config/mainstay/cli.toml").write_text("apy = 'x:1'\n")
    with pytest.raises(Invalid, match="apy"):
        resolve(Options(), {}, home)
