"""The score log of the Ref-YouTube-VOS server as a table: Tables 5 and 6 from the official, hidden truth (metrics.md A3).

The log, stdout.txt, has a line per frame: video, expression, frame, J, F, with commas between. Areas and whether the object is seen are
not in it, so that the table is none of a trial's: it has five columns, all that `components`, `quality` and `consistency` (but for its
`present` reading) ask for.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vdit.appearing import appearing

COLUMNS = ("video", "expression", "frame", "j", "f")
SCHEMA = pa.schema([*((name, pa.string()) for name in COLUMNS[:3]), *((name, pa.float64()) for name in COLUMNS[3:])])
KEY = list(COLUMNS[:3])


def read(path: Path) -> pd.DataFrame:
    """The log's scores, sorted. Other lines, such as the server's messages, are passed over: they have spaces, or hardly a comma.

    Raises ValueError naming file and line for a score that is no number from 0 to 1 and for a line of scores that was torn or glued to
    another; and for a frame that comes twice.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); download the submission's output log (stdout.txt) again") from error
    table = pd.DataFrame(list(scores(path, lines)), columns=list(COLUMNS))
    if table.empty:
        raise ValueError(f"{path} has no line of five fields (video, expression, frame, J, F); give the server's stdout.txt")
    repeated = table[table.duplicated(KEY)]
    if len(repeated):
        raise ValueError(f"{path}: {len(repeated)} frames come twice, the first is {'/'.join(repeated.iloc[0][KEY])}; give one log alone")
    return table.sort_values(KEY, ignore_index=True)


def scores(path: Path, lines: list[str]) -> Iterator[tuple[str, str, str, float, float]]:
    split = [[field.strip() for field in line.split(",")] for line in lines]
    videos = {fields[0] for fields in split if len(fields) == len(COLUMNS)}
    for number, fields in enumerate(split, start=1):
        place = f"{path}: line {number}"
        if len(fields) == len(COLUMNS):
            video, expression, frame, j, f = fields
            yield video, expression, frame, score(place, "J", j), score(place, "F", f)
        elif fields[0] in videos or torn(fields):
            expected = "expected five: video, expression, frame, J, F"
            raise ValueError(f"{place} has {len(fields)} fields, {expected}; give the log as it was downloaded, or download it again")


def torn(fields: list[str]) -> bool:
    """Whether it looks like scores: some single words with commas between."""
    return len(fields) >= 3 and not any(" " in field for field in fields)


def score(place: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise ValueError(f"{place}: {name} is {text!r}, expected a number from 0 to 1; give the log as it was downloaded")
    return value


def write(path: Path, table: pd.DataFrame) -> None:
    """One Parquet file, whole or not at all."""
    columns = [pa.array(table[field.name].to_numpy(), type=field.type) for field in SCHEMA]
    with appearing(path) as draft:
        pq.write_table(pa.table(columns, schema=SCHEMA), draft)
