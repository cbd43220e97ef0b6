"""The tables, as the newest migration leaves them.

The data set of a workitem is the truth; the search columns and the tables `code` and `request`
are an index of it, written by the same transaction.  Moments are microseconds since 1970 in UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

__all__ = [
    "DAY",
    "ae",
    "audit",
    "code",
    "delivery",
    "event",
    "global_subscription",
    "metadata",
    "projection",
    "receiver",
    "request",
    "server",
    "subscription",
    "ups",
]

metadata = MetaData()

#: SQLite counts in its row numbers, which are declared so.
_Id = BigInteger().with_variant(Integer, "sqlite")

#: Sorted by code points in both databases, so that "begins with" is a range.
_Text = Text().with_variant(Text(collation="C"), "postgresql")

#: Microseconds of a start that is known to the day.  Longer ones are rare, and searches have to
#: know the longest.
DAY = 86_400_000_000

_is_long = text(f"start_span > {DAY}")

ups = Table(
    "ups",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("uid", _Text, nullable=False, unique=True),
    Column("state", _Text, nullable=False),
    # Not in the data set, so that no answer to N-GET or C-FIND can have it.
    Column("transaction_uid", _Text, nullable=False),
    Column("creator_ae", _Text, nullable=False),
    Column("performer_ae", _Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Column("final_at", BigInteger),
    *(
        Column(name, _Text, nullable=False)
        for name in (
            "priority",
            "readiness",
            "label",
            "worklist_label",
            "study_uid",
            "patient_name",
            "patient_id",
            "issuer",
            "birth_date",
            "sex",
            "admission_id",
            "replaced_uid",
        )
    ),
    Column("start", BigInteger, nullable=False),
    Column("start_end", BigInteger, nullable=False),
    Column("start_span", BigInteger, nullable=False),
    Column("expected", BigInteger),
    Column("expected_end", BigInteger),
    Column("expiration", BigInteger),
    Column("expiration_end", BigInteger),
    Column("dataset", LargeBinary, nullable=False),
    Index("ups_start", "start", "id"),
    # Nearly empty: few say no more of a start than its month or year.
    Index("ups_long_start", "start_span", sqlite_where=_is_long, postgresql_where=_is_long),
    Index("ups_state_start", "state", "start", "id"),
    Index("ups_patient_id", "patient_id"),
    Index("ups_study_uid", "study_uid"),
    Index("ups_final", "state", "final_at"),
    sqlite_autoincrement=True,
)

#: Codes repeat the state and the start of their workitem: what stations ask for, day by day, is
#: one range of one index.
code = Table(
    "ups_code",
    metadata,
    Column("ups_id", _Id, ForeignKey("ups.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", _Text, primary_key=True),
    Column("value", _Text, primary_key=True),
    Column("designator", _Text, primary_key=True),
    Column("state", _Text, nullable=False),
    Column("start", BigInteger, nullable=False),
    Index("ups_code_search", "kind", "value", "state", "start", "ups_id", "designator"),
)

request = Table(
    "ups_request",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("ups_id", _Id, ForeignKey("ups.id", ondelete="CASCADE"), nullable=False),
    Column("accession", _Text, nullable=False),
    Column("requested_procedure_id", _Text, nullable=False),
    Column("requesting_service", _Text, nullable=False),
    Column("study_uid", _Text, nullable=False),
    Index("ups_request_ups", "ups_id"),
    Index("ups_request_accession", "accession"),
    Index("ups_request_procedure", "requested_procedure_id"),
)

#: One row: how the search columns were made, so that they can be made anew after a change.
projection = Table(
    "ups_projection",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("made_by", _Text, nullable=False),
)

subscription = Table(
    "subscription",
    metadata,
    Column("ups_id", _Id, ForeignKey("ups.id", ondelete="CASCADE"), primary_key=True),
    Column("ae", _Text, primary_key=True),
    Column("deletion_lock", Boolean, nullable=False),
    Index("subscription_ae", "ae"),
)

global_subscription = Table(
    "global_subscription",
    metadata,
    Column("ae", _Text, primary_key=True),
    Column("deletion_lock", Boolean, nullable=False),
    # NULL: every workitem
    Column("keys", LargeBinary),
)

#: The outbox.  Numbers rise in the order of the commits and are never used twice.
event = Table(
    "event_outbox",
    metadata,
    Column("seq", _Id, primary_key=True),
    Column("ups_uid", _Text, nullable=False),
    Column("event_type", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    # Event Information; NULL in the state reports of a subscription to all workitems, which one
    # statement makes and which have nothing but state and readiness.
    Column("information", LargeBinary),
    Column("state", _Text),
    Column("readiness", _Text),
    Index("event_outbox_workitem", "ups_uid", "event_type"),
    Index("event_outbox_created", "created_at"),
    sqlite_autoincrement=True,
)

#: Who is to receive an event: fixed when it is published, whoever unsubscribes later.
delivery = Table(
    "delivery",
    metadata,
    Column("ae", _Text, primary_key=True),
    Column("seq", _Id, ForeignKey("event_outbox.seq", ondelete="CASCADE"), primary_key=True),
    # "pending", "sent" or "expired"
    Column("progress", _Text, nullable=False),
    # of the response
    Column("status", Integer),
    Index("delivery_seq", "seq"),
    Index(
        "delivery_pending",
        "ae",
        "seq",
        sqlite_where=text("progress = 'pending'"),
        postgresql_where=text("progress = 'pending'"),
    ),
)

#: Who sends to an AE, and when it is tried again.  One sends to an AE at a time, so that events
#: arrive in their order.
receiver = Table(
    "receiver",
    metadata,
    Column("ae", _Text, primary_key=True),
    Column("lease_owner", _Text),
    Column("lease_until", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", BigInteger),
    Column("last_error", _Text, nullable=False),
)

ae = Table(
    "ae",
    metadata,
    Column("title", _Text, primary_key=True),
    Column("host", _Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("tls", Boolean, nullable=False),
    Column("ca_file", _Text),
    Column("fingerprint", _Text),
    Column("event_scu", Boolean, nullable=False),
    Column("fallback_list", Boolean, nullable=False),
    Column("origin", _Text, nullable=False),
)

server = Table(
    "server",
    metadata,
    Column("instance", _Text, primary_key=True),
    Column("host", _Text, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("heartbeat_at", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("operation", _Text, nullable=False),
    Column("uid", _Text, nullable=False),
    Column("calling_ae", _Text, nullable=False),
    Column("peer", _Text, nullable=False),
    Column("identity", _Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("detail", _Text, nullable=False),
    Index("audit_uid", "uid", "id"),
    sqlite_autoincrement=True,
)
