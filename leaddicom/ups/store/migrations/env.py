"""What Alembic runs to migrate: on the connection, and in the transaction, of the store."""

from __future__ import annotations

from alembic import context

from leaddicom.ups.store.migrating import VERSION_TABLE
from leaddicom.ups.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    version_table=VERSION_TABLE,
)
context.run_migrations()
