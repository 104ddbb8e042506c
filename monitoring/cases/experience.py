"""What people see in their browsers."""

from monitoring.case import Case, limit, warning

_LOAD = (
    "\n".join(
        f'cubano_page_seconds_bucket{{page="checkout",measure="load",le="{le}"}} 0+#x80'
        for le in ("2.5", "4.0", "6.0", "+Inf")
    )
    + '\ncubano_page_seconds_count{page="checkout",measure="load"} 0+#x80'
)
_ERRORS = """cubano_page_errors_total{page="store"} 0+#x80
cubano_page_seconds_count{page="store",measure="load"} 0+#x80"""

CASES = (
    *limit(
        "PagesSlow",
        _LOAD,
        "60m",
        warning("The page checkout takes one visitor in four longer than 5s", page="checkout"),
        fires=(10, 10, 20, 20, 20),
        silent=(10, 16, 20, 20, 20),
        few=("0.1", "0.1", 1, 1, 1),
    ),
    *limit(
        "PagesFailing",
        _ERRORS,
        "60m",
        warning("Browsers report 0.2 errors a visit on the page store", page="store"),
        fires=(2, 10),
        silent=(1, 11),
        few=(1, 1),
    ),
    *limit(
        "ErrorsShown",
        'cubano_errors_shown_total{kind="broken"} 0+#x40',
        "20m",
        warning("30 people were shown an error (broken) in ten minutes", what="broken"),
        fires=3,
        silent="1.5",
    ),
    Case("ErrorsShown", "what people typed is theirs", 'cubano_errors_shown_total{kind="fields"} 0+100x40', "20m"),
)
