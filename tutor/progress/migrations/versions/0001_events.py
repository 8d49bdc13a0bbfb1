"""The append-only log of events."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("user", sa.String(64), primary_key=True),
        sa.Column("interview", sa.String(64), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
    )
    op.create_index("events_by_kind", "events", ["kind", "user"])
    # Rows come and, with their user, go; none is ever changed.
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER events_are_append_only BEFORE UPDATE ON events "
            "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END"
        )
    else:
        op.execute(
            "CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'events are append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER events_are_append_only BEFORE UPDATE ON events "
            "FOR EACH ROW EXECUTE FUNCTION events_are_append_only()"
        )
