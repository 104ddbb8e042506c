"""What is fine today and will not be."""

from monitoring.case import Case, critical, limit, warning

_BACKUP = 'cubano_backup_timestamp_seconds{job="respond",instance="r",what="%s"} '
_CERTIFICATE = 'cubano_certificate_ends_timestamp_seconds{job="respond",instance="r",host="shop.example"} #x20'
_KEY = 'cubano_api_key_ends_timestamp_seconds{job="work",instance="w"} #x20'
_POOL = """cubano_db_pool_connections{job="serve",instance="a",state="in_use"} #x60
cubano_db_pool_connections{job="serve",instance="a",state="size"} 10x60"""
_TURN = 'cubano_gateway_wait_seconds_%s{job="serve",instance="a",provider="stripe",priority="checkout"%s} 0+%sx60\n'


def _turns(within_half_s: str) -> str:
    buckets = "".join(
        _TURN % ("bucket", f',le="{le}"', many) for le, many in (("0.5", within_half_s), ("1", "10"), ("+Inf", "10"))
    )
    return buckets + _TURN % ("count", "", "10")


CASES = (
    *limit(
        "BackupStale",
        _BACKUP % "made" + "#x20\n" + _BACKUP % "restored" + "-691200x20",
        "10m",
        critical("A backup was last made 2d 2h 10m 0s ago", what="made"),
        warning("A backup was last made 2d 2h 10m 0s ago", what="made"),
        warning("A backup was last restored 8d 0h 10m 0s ago", what="restored"),
        fires=-180_000,
        silent=0,
    )[:1],
    *limit(
        "BackupStale",
        _BACKUP % "made" + "#x20\n" + _BACKUP % "restored" + "#x20",
        "10m",
        warning("A backup was last made 1d 2h 10m 0s ago", what="made"),
        warning("A backup was last restored 8d 0h 10m 0s ago", what="restored"),
        fires=(-93_600, -691_200),
        silent=(-93_000, -690_600),
    ),
    Case("BackupStale", "nobody watches backups here", 'up{job="respond",instance="r"} 1x20', "10m"),
    *limit(
        "CertificateExpiring",
        _CERTIFICATE,
        "10m",
        critical("The certificate of shop.example ends in 2d 23h 54m 0s", host="shop.example"),
        warning("The certificate of shop.example ends in 2d 23h 54m 0s", host="shop.example"),
        fires=259_440,
        silent=1_210_200,
    )[:1],
    Case(
        "CertificateExpiring",
        "it has ended",
        _CERTIFICATE.replace("#", "0"),
        "10m",
        (
            critical("The certificate of shop.example ends in -10m 0s", host="shop.example"),
            warning("The certificate of shop.example ends in -10m 0s", host="shop.example"),
        ),
    ),
    *limit(
        "CertificateExpiring",
        _CERTIFICATE,
        "10m",
        warning("The certificate of shop.example ends in 13d 23h 54m 0s", host="shop.example"),
        fires=1_209_840,
        silent=1_210_200,
    ),
    *limit(
        "SecretExpiring",
        _KEY,
        "10m",
        critical("An API key that nothing stands in for ends in 23h 54m 0s"),
        warning("An API key that nothing stands in for ends in 23h 54m 0s"),
        fires=86_640,
        silent=1_210_200,
    )[:1],
    *limit(
        "SecretExpiring",
        _KEY,
        "10m",
        warning("An API key that nothing stands in for ends in 13d 23h 54m 0s"),
        fires=1_209_840,
        silent=1_210_200,
    ),
    *limit(
        "CapacityHeadroomLow",
        _POOL,
        "40m",
        warning(
            "Room is short for half an hour: connections at 114.3% of what leaves some for a crowd",
            job="serve",
            what="connections",
        ),
        fires=8,
        silent=7,
    ),
    Case(
        "CapacityHeadroomLow",
        "a rush of ten minutes is what room is for",
        _POOL.replace("#x60", "2x20 9x10 2x30"),
        "40m",
    ),
    Case(
        "CapacityHeadroomLow",
        "calls wait for their turn",
        _turns("5"),
        "40m",
        (
            warning(
                "Room is short for half an hour: calls at 190% of what leaves some for a crowd",
                provider="stripe",
                what="calls",
            ),
        ),
    ),
    Case(
        "CapacityHeadroomLow", "few calls wait", _turns("5").replace("0+10x", "0+1x").replace("0+5x", "0+0.5x"), "40m"
    ),
    Case("CapacityHeadroomLow", "calls have their turn at once", _turns("10"), "40m"),
    *limit(
        "CapacityHeadroomLow",
        'cubano_inbox_oldest_age_seconds{job="work",instance="w"} #x60',
        "40m",
        warning("Room is short for half an hour: events at 110% of what leaves some for a crowd", what="events"),
        fires=11,
        silent=10,
    ),
)
