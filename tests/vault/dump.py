"""Everything a database holds, as text: what a thief of it, or of a backup, would search."""

from tests.stage import Stage

_COLUMNS = """
    SELECT table_name, column_name, data_type FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY table_name, ordinal_position
"""


async def dump(stage: Stage) -> dict[str, str]:
    """All rows by `table.column`; bytes with what is text in them readable."""
    found = {}
    for table, column, kind in await stage.rows(_COLUMNS):
        shown = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
        query = f'SELECT string_agg({shown}, chr(10)) FROM "{table}"'  # noqa: S608 - names of the catalogue's own
        found[f"{table}.{column}"] = (await stage.rows(query))[0][0] or ""
    return found


async def places_of(stage: Stage, *needles: str) -> set[str]:
    """Where any of these texts stands, in whatever case."""
    wanted = [each.casefold() for each in needles]
    columns = (await dump(stage)).items()
    return {place for place, text in columns if any(each in text.casefold() for each in wanted)}
