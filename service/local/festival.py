"""The sample festival: what is on sale in a new database. Writing it again adds only what is missing."""

from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import insert

from service.catalog.tables import Stock, TicketKind, TicketType
from service.kernel.db import Session

CURRENCY = "USD"
TAX_BP = 500  # what the city takes of an admission, in the price; Boulder Revised Code 3-4


@dataclass(frozen=True)
class Sample:
    """One ticket type; `price` in cents."""

    slug: str
    kind: TicketKind
    en: tuple[str, str]
    es: tuple[str, str]
    price: int
    capacity: int
    max_per_order: int


FESTIVAL = (
    Sample(
        "full-pass",
        TicketKind.PASS,
        ("Full Pass", "Everything from Friday to Sunday: all classes, all parties, one wristband."),
        ("Pase Completo", "Todo de viernes a domingo: todas las clases, todas las fiestas, una pulsera."),
        24900,
        400,
        8,
    ),
    Sample(
        "party-pass",
        TicketKind.PASS,
        ("Party Pass", "Three nights of live son, timba and rueda. No classes, no sleep."),
        ("Pase de Fiestas", "Tres noches de son, timba y rueda en vivo. Sin clases y sin dormir."),
        11500,
        250,
        8,
    ),
    Sample(
        "friday-day",
        TicketKind.DAY,
        ("Friday", "Opening classes in the afternoon and the welcome party at night."),
        ("Viernes", "Clases de apertura por la tarde y la fiesta de bienvenida por la noche."),
        7900,
        150,
        6,
    ),
    Sample(
        "saturday-day",
        TicketKind.DAY,
        ("Saturday", "The full day: casino, rueda, rumba and the big live band."),
        ("Sábado", "El día completo: casino, rueda, rumba y la gran orquesta en vivo."),
        10900,
        150,
        6,
    ),
    Sample(
        "sunday-day",
        TicketKind.DAY,
        ("Sunday", "Slow start, deep classes and the farewell rueda under the Flatirons."),
        ("Domingo", "Comienzo tranquilo, clases a fondo y la rueda de despedida bajo los Flatirons."),
        7900,
        150,
        6,
    ),
    Sample(
        "rueda-intensive",
        TicketKind.WORKSHOP,
        ("Rueda de Casino Intensive", "Four hours, forty calls, one circle. You should know dile que no."),
        ("Intensivo de Rueda de Casino", "Cuatro horas, cuarenta figuras, un círculo. Debes dominar dile que no."),
        4500,
        48,
        4,
    ),
    Sample(
        "son-roots",
        TicketKind.WORKSHOP,
        ("Son: the Roots", "Contratiempo, clave and the elegance that casino comes from. All levels."),
        ("Son: las raíces", "Contratiempo, clave y la elegancia de donde viene el casino. Todos los niveles."),
        3500,
        60,
        4,
    ),
    Sample(
        "orishas-masterclass",
        TicketKind.WORKSHOP,
        ("Orishas Masterclass", "Afro-Cuban folklore with live batá drums. A small room on purpose."),
        ("Clase magistral de Orishas", "Folclor afrocubano con tambores batá en vivo. Un salón pequeño a propósito."),
        6000,
        12,
        2,
    ),
    Sample(
        "friday-social",
        TicketKind.SOCIAL,
        ("Friday Social", "The welcome party, doors at nine."),
        ("Social del viernes", "La fiesta de bienvenida, puertas a las nueve."),
        2500,
        300,
        6,
    ),
    Sample(
        "saturday-social",
        TicketKind.SOCIAL,
        ("Saturday Live Band", "Fourteen musicians and a sprung floor."),
        ("Orquesta en vivo del sábado", "Catorce músicos y piso de madera."),
        3500,
        300,
        6,
    ),
    Sample(
        "sunrise-social",
        TicketKind.SOCIAL,
        ("Sunrise Social at Chautauqua", "Coffee, son and first light on the Flatirons."),
        ("Social del amanecer en Chautauqua", "Café, son y la primera luz sobre los Flatirons."),
        2000,
        80,
        6,
    ),
)


async def write_festival(session: Session, festival: tuple[Sample, ...] = FESTIVAL) -> int:
    """Add the ticket types and stock that are not there yet; how many ticket types were added."""
    types = insert(TicketType).values([_type(position, sample) for position, sample in enumerate(festival)])
    added = await session.execute(types.on_conflict_do_nothing().returning(TicketType.id))
    stock = insert(Stock).values([{"ticket_type": each.slug, "capacity": each.capacity} for each in festival])
    await session.execute(stock.on_conflict_do_nothing())
    return len(added.all())


def _type(position: int, sample: Sample) -> dict[str, object]:
    (name_en, text_en), (name_es, text_es) = sample.en, sample.es
    return {
        "id": sample.slug,
        "kind": sample.kind,
        "position": position,
        "names": {"en": name_en, "es": name_es},
        "descriptions": {"en": text_en, "es": text_es},
        "price_minor": sample.price,
        "price_currency": CURRENCY,
        "max_per_order": sample.max_per_order,
        "tax_bp": TAX_BP,
    }
