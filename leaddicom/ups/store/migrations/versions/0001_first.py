"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    _ae()
    _audit()
    _event_outbox()
    _global_subscription()
    _receiver()
    _server()
    _ups()
    _ups_projection()
    _delivery()
    _subscription()
    _ups_code()
    _ups_request()


def _ae() -> None:
    op.create_table(
        "ae",
        _text("title"),
        _text("host"),
        sa.Column("port", sa.Integer(), nullable=False),
        _flag("tls"),
        _text("ca_file", nullable=True),
        _text("fingerprint", nullable=True),
        _flag("event_scu"),
        _flag("fallback_list"),
        _text("origin"),
        sa.PrimaryKeyConstraint("title"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        _id("id"),
        _number("at"),
        _text("operation"),
        _text("uid"),
        _text("calling_ae"),
        _text("peer"),
        _text("identity"),
        sa.Column("status", sa.Integer(), nullable=False),
        _text("detail"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_uid", "audit", ["uid", "id"])


def _event_outbox() -> None:
    op.create_table(
        "event_outbox",
        _id("seq"),
        _text("ups_uid"),
        sa.Column("event_type", sa.Integer(), nullable=False),
        _number("created_at"),
        sa.Column("information", sa.LargeBinary(), nullable=True),
        _text("state", nullable=True),
        _text("readiness", nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("event_outbox_created", "event_outbox", ["created_at"])
    op.create_index("event_outbox_workitem", "event_outbox", ["ups_uid", "event_type"])


def _global_subscription() -> None:
    op.create_table(
        "global_subscription",
        _text("ae"),
        _flag("deletion_lock"),
        sa.Column("keys", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("ae"),
    )


def _receiver() -> None:
    op.create_table(
        "receiver",
        _text("ae"),
        _text("lease_owner", nullable=True),
        _number("lease_until", nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _number("next_try_at", nullable=True),
        _text("last_error"),
        sa.PrimaryKeyConstraint("ae"),
    )


def _server() -> None:
    op.create_table(
        "server",
        _text("instance"),
        _text("host"),
        _number("pid"),
        _number("started_at"),
        _number("heartbeat_at"),
        sa.PrimaryKeyConstraint("instance"),
    )


def _ups() -> None:
    op.create_table(
        "ups",
        _id("id"),
        _text("uid"),
        _text("state"),
        _text("transaction_uid"),
        _text("creator_ae"),
        _text("performer_ae"),
        _number("version"),
        _number("created_at"),
        _number("modified_at"),
        _number("final_at", nullable=True),
        _text("priority"),
        _text("readiness"),
        _text("label"),
        _text("worklist_label"),
        _text("study_uid"),
        _text("patient_name"),
        _text("patient_id"),
        _text("issuer"),
        _text("birth_date"),
        _text("sex"),
        _text("admission_id"),
        _text("replaced_uid"),
        _number("start"),
        _number("start_end"),
        _number("start_span"),
        _number("expected", nullable=True),
        _number("expected_end", nullable=True),
        _number("expiration", nullable=True),
        _number("expiration_end", nullable=True),
        sa.Column("dataset", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid"),
        sqlite_autoincrement=True,
    )
    op.create_index("ups_final", "ups", ["state", "final_at"])
    op.create_index(
        "ups_long_start",
        "ups",
        ["start_span"],
        sqlite_where=sa.text("start_span > 86400000000"),
        postgresql_where=sa.text("start_span > 86400000000"),
    )
    op.create_index("ups_patient_id", "ups", ["patient_id"])
    op.create_index("ups_start", "ups", ["start", "id"])
    op.create_index("ups_state_start", "ups", ["state", "start", "id"])
    op.create_index("ups_study_uid", "ups", ["study_uid"])


def _ups_projection() -> None:
    op.create_table(
        "ups_projection",
        sa.Column("id", sa.Integer(), nullable=False),
        _text("made_by"),
        sa.PrimaryKeyConstraint("id"),
    )


def _delivery() -> None:
    op.create_table(
        "delivery",
        _text("ae"),
        _id("seq"),
        _text("progress"),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["seq"], ["event_outbox.seq"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ae", "seq"),
    )
    op.create_index(
        "delivery_pending",
        "delivery",
        ["ae", "seq"],
        sqlite_where=sa.text("progress = 'pending'"),
        postgresql_where=sa.text("progress = 'pending'"),
    )
    op.create_index("delivery_seq", "delivery", ["seq"])


def _subscription() -> None:
    op.create_table(
        "subscription",
        _id("ups_id"),
        _text("ae"),
        _flag("deletion_lock"),
        sa.ForeignKeyConstraint(["ups_id"], ["ups.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ups_id", "ae"),
    )
    op.create_index("subscription_ae", "subscription", ["ae"])


def _ups_code() -> None:
    op.create_table(
        "ups_code",
        _id("ups_id"),
        _text("kind"),
        _text("value"),
        _text("designator"),
        _text("state"),
        _number("start"),
        sa.ForeignKeyConstraint(["ups_id"], ["ups.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ups_id", "kind", "value", "designator"),
    )
    op.create_index(
        "ups_code_search", "ups_code", ["kind", "value", "state", "start", "ups_id", "designator"]
    )


def _ups_request() -> None:
    op.create_table(
        "ups_request",
        _id("id"),
        _id("ups_id"),
        _text("accession"),
        _text("requested_procedure_id"),
        _text("requesting_service"),
        _text("study_uid"),
        sa.ForeignKeyConstraint(["ups_id"], ["ups.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ups_request_accession", "ups_request", ["accession"])
    op.create_index("ups_request_procedure", "ups_request", ["requested_procedure_id"])
    op.create_index("ups_request_ups", "ups_request", ["ups_id"])


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    sorted_by_code_points = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    return sa.Column(name, sorted_by_code_points, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _id(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)
