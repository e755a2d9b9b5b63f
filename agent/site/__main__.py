"""``python -I -m agent.site PATH TABLES``: what the file at PATH says of itself, as one line of JSON.

TABLES is JSON of :class:`agent.site.describing.Tables`.
"""

import os
import sys

import msgspec

from agent.errors import Invalid
from agent.site.describing import Tables, Told
from agent.site.files import File


def main() -> None:
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever the file prints is no answer
    path, text = sys.argv[1:]
    tables = msgspec.json.decode(text, type=Tables)
    try:
        told = Told(described=File(path, tables.options, tables.thresholds).describe())
    except Invalid as error:
        told = Told(error=str(error))
    os.write(answers, msgspec.json.encode(told))
    os._exit(0)  # threads of the file's own must not keep it


if __name__ == "__main__":
    main()
