import pytest

from cli import job_file
from cli.errors import Invalid

GOOD = 'name = "bytes-lm"\nscript = "train.py"\n'


@pytest.fixture
def write(tmp_path):
    def write_job(text):
        path = tmp_path / "job.toml"
        path.write_text(text)
        return path

    return write_job


def test_relative_paths_count_from_the_files_own_folder(write, tmp_path):
    text = 'directory = "."\ninterpreter = "../venv/bin/python"\n[checkpoint]\ndir = "checkpoints"\n'
    spec = job_file.read(write(GOOD + text))
    assert spec.script == f"{tmp_path}/train.py"
    assert spec.directory == str(tmp_path)
    assert spec.interpreter == f"{tmp_path.parent}/venv/bin/python"
    assert spec.checkpoint.dir == f"{tmp_path}/checkpoints"


def test_absolute_paths_stay(write):
    assert job_file.read(write('name = "a"\nscript = "/srv/train.py"\n')).script == "/srv/train.py"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD + "nodes = 0\n", "nodes: expected int >= 1"),
        (GOOD + 'nodes = "3"\n', "nodes: expected int, got str"),
        (GOOD + "nodez = 3\n", "nodez: no such field; remove it or correct its name"),
        (GOOD + "[checkpoint]\n", "checkpoint.dir: missing; add it"),
        (GOOD + '[checkpoint]\ndir = "c"\npattern = "x"\n', "checkpoint.pattern: expected a relative path with {step}"),
        ('name = "A B"\nscript = "s"\n', "name: expected small letters"),
        ('name = "a"\n', "script: missing; add it"),
        ('name = "a"\nscript = ""\n', "script: expected an absolute path"),
        (GOOD + '[environment]\n"1X" = "y"\n', "a name in environment: expected letters"),
        (GOOD + "nodes = \n", "not TOML"),
    ],
)
def test_an_error_names_file_field_and_mend(write, text, line):
    path = write(text)
    with pytest.raises(Invalid) as caught:
        job_file.read(path)
    assert str(caught.value).startswith(f"{path}: {line}")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(Invalid, match=r"nope\.toml: no such file"):
        job_file.read(tmp_path / "nope.toml")
