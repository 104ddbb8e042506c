"""Mail that does not go out."""

from monitoring.case import limit, warning

CASES = (
    *limit(
        "EmailFailing",
        """cubano_mails_total{template="confirmation",outcome="retried"} 0+#x60
        cubano_mails_total{template="confirmation",outcome="sent"} 0+#x60""",
        "40m",
        warning("50% of the mails are not taken by the mail server"),
        fires=(1, 1),
        silent=(1, 10),
        few=("0.1", "0.1"),
    ),
    *limit(
        "ConfirmationLate",
        """cubano_outbox_oldest_age_seconds{kind="mail.confirmation"} #x20
        cubano_outbox_oldest_age_seconds{kind="refund.send"} 9999x20""",
        "5m",
        warning("A letter (mail.confirmation) has been due for 10m 1s", what="mail.confirmation"),
        fires=601,
        silent=600,
    ),
)
