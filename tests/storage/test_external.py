"""Databases of the operator: what is read, what is written, and one sentence for what goes wrong."""

from pathlib import Path

import pytest
from sqlalchemy import text

from cio_mcp.errors import SettingError
from cio_mcp.storage.external import open_engine, open_query
from cio_mcp.storage.external_table import OWNER, ExternalTable

KEY = "sync.crm.database"
PEOPLE = "CREATE TABLE people (email TEXT PRIMARY KEY, plan TEXT, seats INTEGER)"
ROWS = [("ada@example.com", "pro", 3), ("bob@example.com", None, None), ("o'hara%@example.com", "fr%ee", 0)]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    (tmp_path / "crm.db").touch()
    return f"sqlite:///{tmp_path / 'crm.db'}"


@pytest.fixture
def people(url: str) -> str:
    execute(url, PEOPLE)
    for email, plan, seats in ROWS:
        execute(url, "INSERT INTO people VALUES (:email, :plan, :seats)", email=email, plan=plan, seats=seats)
    return url


def execute(url: str, statement: str, **values: object) -> None:
    engine = open_engine(KEY, url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with open_query(KEY, url, query) as found:
        return [tuple(row.values()) for row in found]


def problem(url: str, query: str) -> str:
    with pytest.raises(SettingError) as failure:
        rows(url, query)
    return str(failure.value)


def test_a_query_is_read_with_its_values_and_its_percent_signs(people: str) -> None:
    query = "SELECT email, plan, seats FROM people WHERE email LIKE '%@%' ORDER BY email ;\n"
    assert rows(people, query) == ROWS


def test_a_query_can_be_ended_before_its_last_row(people: str) -> None:
    with open_query(KEY, people, "SELECT email FROM people ORDER BY email") as found:
        assert next(found) == {"email": "ada@example.com"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT * FROM nobody", "there is no such table"),
        ("SELECT tier FROM people", "there is no such column"),
        ("SELECT FROM WHERE", "the query isn't valid SQL, or isn't one SELECT"),
        ("SELECT 1; SELECT 2", "the query isn't valid SQL, or isn't one SELECT"),
        ("SELECT email, plan AS email FROM people", "the query returns the column “email” twice; rename one with AS"),
    ],
)
def test_a_wrong_query_is_explained_without_its_text(people: str, query: str, expected: str) -> None:
    assert problem(people, query) == f"{KEY}: {expected}."


def test_a_query_that_would_write_is_refused(people: str) -> None:
    for statement in ("DELETE FROM people", "UPDATE people SET plan = 'x' RETURNING email", "DROP TABLE people"):
        assert "write" in problem(people, statement) or "isn't one SELECT" in problem(people, statement)
    assert len(rows(people, "SELECT * FROM people")) == len(ROWS)


@pytest.mark.slow
def test_a_function_that_would_write_is_refused_by_postgresql(postgres_url: str) -> None:
    execute(postgres_url, PEOPLE)
    execute(
        postgres_url, "CREATE FUNCTION add() RETURNS INT LANGUAGE SQL AS $$INSERT INTO people VALUES ('x'); SELECT 1$$"
    )
    assert problem(postgres_url, "SELECT add()") == f"{KEY}: the query would write; only reads are allowed."


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("crm.example.com/db", "expected a URL such as postgresql://user:password@host/database."),
        ("postgresql://u:secret@h:port/d", "expected a URL such as postgresql://user:password@host/database."),
        ("sqlite:////nowhere/crm.db", "there is no such SQLite file."),
        ("sqlite://", "there is no such SQLite file."),
        ("oracle+oracledb://u:secret@h/d", "needs a driver that isn't installed."),
        (
            "madeup://u:secret@h/d",
            "needs a driver that isn't installed, for the kind of database that its URL begins with.",
        ),
        ("postgresql://u:secret@127.0.0.1:1/d", "the database can't be reached: check its host and port."),
        ("postgresql://u:secret@nowhere.invalid/d", "the database can't be reached: its host isn't known."),
        ("postgresql://u:secret@127.0.0.1/d?made_up=1", "the database can't be used."),
    ],
)
def test_a_wrong_url_is_explained_and_never_shown(wrong: str, expected: str) -> None:
    assert problem(wrong, "SELECT 1") == f"{KEY}: {expected}"


@pytest.mark.slow
def test_a_server_explains_what_keeps_a_user_out(postgres_url: str) -> None:
    server, _, database = postgres_url.rpartition("/")
    assert problem(f"{server}/missing", "SELECT 1") == f"{KEY}: there is no database of this name."
    execute(postgres_url, PEOPLE)
    execute(postgres_url, f'CREATE ROLE "{database}" LOGIN')
    other = postgres_url.replace("postgres@", f"{database}@")
    assert problem(other, "SELECT * FROM people") == f"{KEY}: the database's user lacks a permission for it."
    execute(postgres_url, f'DROP ROLE "{database}"')


def test_a_file_of_another_kind_is_not_read_as_a_database(tmp_path: Path) -> None:
    (tmp_path / "crm.db").write_text("email,plan\n" * 1000)
    assert problem(f"sqlite:///{tmp_path / 'crm.db'}", "SELECT 1 FROM x") == f"{KEY}: the file isn't a SQLite database."


def test_a_table_is_created_filled_and_brought_up_to_date(url: str) -> None:
    with ExternalTable(KEY, url, "vip", ["email", "plan"], owner="vips") as table:
        table.prepare(create=True)
        assert table.created
        assert table.upsert([{"email": "a", "plan": "pro"}, {"email": "b", "plan": None}]) == 2
        assert table.upsert([{"email": "a", "plan": "pro"}, {"email": "b", "plan": "free"}]) == 1
        assert table.upsert([{"email": "a", "plan": "pro"}, {"email": "b", "plan": "free"}]) == 0
        assert table.delete_all_but({"a"}) == 1
    assert rows(url, "SELECT * FROM vip") == [("a", "pro", "vips")]
    with ExternalTable(KEY, url, "vip", ["email", "plan"], owner="vips") as again:
        again.prepare(create=True)
        assert not again.created
        assert again.delete_all_but({"a"}) == 0


def test_rows_that_others_inserted_are_updated_but_never_deleted(url: str) -> None:
    execute(url, f"CREATE TABLE vip (email TEXT PRIMARY KEY, plan TEXT, note TEXT, {OWNER} TEXT)")
    execute(url, "INSERT INTO vip VALUES ('a', 'free', 'by hand', NULL), ('z', 'free', 'other', 'another sync')")
    with ExternalTable(KEY, url, "vip", ["email", "plan"], owner="vips") as table:
        table.prepare(create=False)
        assert table.upsert([{"email": "a", "plan": "pro"}, {"email": "b", "plan": "pro"}]) == 2
        assert table.delete_all_but(set()) == 1
    assert sorted(rows(url, "SELECT email, plan, note FROM vip")) == [("a", "pro", "by hand"), ("z", "free", "other")]


def test_a_table_without_the_owner_s_column_is_only_added_to(url: str) -> None:
    execute(url, "CREATE TABLE vip (email TEXT PRIMARY KEY)")
    with ExternalTable(KEY, url, "vip", ["email"], owner="vips") as table:
        table.prepare(create=False)
        assert not table.owns_rows
        assert (table.upsert([{"email": "a"}]), table.upsert([{"email": "a"}, {"email": "b"}])) == (1, 1)


def test_text_becomes_the_type_of_its_column(url: str) -> None:
    execute(url, "CREATE TABLE vip (id INTEGER PRIMARY KEY, seats INTEGER, active BOOLEAN, cio_sync TEXT)")
    row = {"id": "7", "seats": "3", "active": "1"}
    with ExternalTable(KEY, url, "vip", [*row], owner="vips") as table:
        table.prepare(create=False)
        assert (table.upsert([row]), table.upsert([row])) == (1, 0)
        assert table.upsert([{"id": str(number), "seats": None, "active": None} for number in range(8, 2600)]) == 2592
        assert table.delete_all_but({"7", "2000"}) == 2591
    assert sorted(rows(url, "SELECT id, seats, active FROM vip")) == [(7, 3, True), (2000, None, None)]


@pytest.mark.slow
def test_a_null_character_is_left_out_where_text_has_none(postgres_url: str) -> None:
    with ExternalTable(KEY, postgres_url, "vip", ("email", "plan"), owner="crm") as table:
        table.prepare(create=True)
        assert table.upsert([{"email": "ada@example.com", "plan": "p\0ro"}]) == 1
        assert table.upsert([{"email": "ada@example.com", "plan": "p\0ro"}]) == 0
    assert rows(postgres_url, "SELECT email, plan FROM vip") == [("ada@example.com", "pro")]


@pytest.mark.slow
def test_a_value_of_another_type_is_refused_and_nothing_written(postgres_url: str) -> None:
    execute(postgres_url, "CREATE TABLE vip (id INTEGER PRIMARY KEY, seats INTEGER)")
    with ExternalTable(KEY, postgres_url, "vip", ["id", "seats"], owner="vips") as table:
        table.prepare(create=False)
        with pytest.raises(SettingError, match="a value doesn't fit the type of its column"):
            table.upsert([{"id": "1", "seats": "2"}, {"id": "2", "seats": "secret"}])
        assert table.upsert([{"id": "1", "seats": ""}]) == 1
    assert rows(postgres_url, "SELECT * FROM vip") == [(1, None)]


@pytest.mark.parametrize("name", ['a"; DROP TABLE people; --', "Order", "two words", "100%(x)s"])
def test_names_are_quoted_whatever_they_are(people: str, name: str) -> None:
    with ExternalTable(KEY, people, name, ["Email%", name], owner="vips") as table:
        table.prepare(create=True)
        assert table.upsert([{"Email%": "a", name: "x"}]) == 1
    with ExternalTable(KEY, people, name, ["Email%", name], owner="vips") as table:
        table.prepare(create=False)
        assert table.upsert([{"Email%": "a", name: "y"}]) == 1
        assert table.delete_all_but(set()) == 1
    assert len(rows(people, "SELECT * FROM people")) == len(ROWS)


@pytest.mark.slow
def test_a_table_of_a_schema_is_written(postgres_url: str) -> None:
    execute(postgres_url, "CREATE SCHEMA crm")
    with ExternalTable(KEY, postgres_url, "crm.vip", ["email"], owner="vips") as table:
        table.prepare(create=True)
        assert table.upsert([{"email": "a"}]) == 1
    assert rows(postgres_url, "SELECT email FROM crm.vip") == [("a",)]


def test_a_target_that_does_not_fit_is_explained(people: str) -> None:
    def explained(name: str, columns: list[str]) -> str:
        try:
            with ExternalTable(KEY, people, name, columns, owner="vips") as table:
                table.prepare(create=False)
                table.upsert([dict.fromkeys(columns, "1")])
        except SettingError as failure:
            return str(failure).removeprefix(f"{KEY}: ")
        return ""

    assert explained("vip", ["email"]) == "there is no table “vip”. With create = true, the sync creates it."
    assert explained("people", ["email", "tier"]) == "the table “people” has no column “tier”."
    assert explained("people", ["plan", "email"]) == "the key needs a unique index or a primary key in the table."


def test_only_databases_that_can_update_on_conflict_are_written() -> None:
    with pytest.raises(SettingError, match="only tables of PostgreSQL and SQLite can be written"):
        ExternalTable(KEY, "mysql://u:secret@h/d", "vip", ["email"], owner="vips")
