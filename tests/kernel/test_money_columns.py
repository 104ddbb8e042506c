"""Money in a table: a pair of columns that the database keeps whole and compares as money."""

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from service.kernel.money import Money, money


class Tables(orm.DeclarativeBase):
    pass


class Pass(Tables):
    __tablename__ = "passes"

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    price: orm.Mapped[Money] = money("price")
    fee: orm.Mapped[Money | None] = money("fee", nullable=True)


PRICES = [Money(500, "USD"), Money(900, "USD"), Money(700, "EUR")]


@pytest.fixture
def session(empty_database_url):
    engine = sa.create_engine(sa.make_url(empty_database_url).set(drivername="postgresql+psycopg"))
    Tables.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add_all(Pass(id=number, price=price) for number, price in enumerate(PRICES))
        session.commit()
        yield session
    engine.dispose()


def test_a_pair_of_columns_holds_an_amount():
    """BIGINT and CHAR(3), null only where that was asked for."""
    columns = [(c.name, str(c.type), c.nullable) for c in Pass.__table__.columns if c.name != "id"]

    assert columns == [
        ("price_minor", "BIGINT", False),
        ("price_currency", "CHAR(3)", False),
        ("fee_minor", "BIGINT", True),
        ("fee_currency", "CHAR(3)", True),
    ]


def test_an_amount_survives_the_table(session):
    """Written, read, replaced by another, and absent."""
    session.add(Pass(id=10, price=Money(2**63 - 1, "JPY"), fee=Money(-1, "KWD")))
    session.commit()
    row = session.get_one(Pass, 10)
    assert (row.price, row.fee) == (Money(2**63 - 1, "JPY"), Money(-1, "KWD"))

    row.price, row.fee = Money(1, "USD"), None
    session.commit()

    assert session.execute(sa.select(Pass.price, Pass.fee).where(Pass.id == 10)).one() == (Money(1, "USD"), None)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Pass.price == Money(500, "USD"), {0}),
        (Pass.price == Money(500, "EUR"), set()),
        (Pass.price != Money(500, "USD"), {1, 2}),  # column by column none of them would be "unequal"
        (Pass.price < Money(900, "USD"), {0}),
        (Pass.price <= Money(900, "USD"), {0, 1}),
        (Pass.price > Money(500, "USD"), {1}),
        (Pass.price >= Money(500, "USD"), {0, 1}),
        (Pass.price > Money(1, "EUR"), {2}),
        (Pass.fee.is_(None), {0, 1, 2}),
        (Pass.price.is_not(None), {0, 1, 2}),
    ],
)
def test_the_database_compares_as_money_does(session, condition, expected):
    """Order exists only within a currency, so rows of another one never match."""
    assert set(session.scalars(sa.select(Pass.id).where(condition))) == expected


@pytest.mark.parametrize(
    "assignment",
    [
        "price_currency = 'usd'",
        "price_currency = 'US'",
        "fee_minor = 1",
        "fee_currency = 'USD'",
        "price_minor = NULL",
    ],
)
def test_the_database_refuses_half_an_amount(session, assignment):
    """A row edited by hand cannot become one that does not load."""
    with pytest.raises(sa.exc.IntegrityError):
        session.execute(sa.text(f"UPDATE passes SET {assignment} WHERE id = 0"))  # noqa: S608 - from the table above
