"""The table of application entities: who may receive event reports, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from sqlalchemy import Row, delete, select

from leaddicom.ups.settings.entities import ApplicationEntity
from leaddicom.ups.store import schema
from leaddicom.ups.store.database import insert
from leaddicom.ups.store.transaction import Transaction

__all__ = ["EntityReader", "EntityWriter"]

_ae = schema.ae


class EntityReader(Transaction):
    """Reads the table of application entities."""

    def entity(self, title: str) -> ApplicationEntity | None:
        """Give an application entity, if it is known."""
        found = self._connection.execute(select(_ae).where(_ae.c.title == title)).one_or_none()
        return None if found is None else _of_row(found)

    def entities(self) -> list[ApplicationEntity]:
        """List the application entities."""
        return [_of_row(row) for row in self._connection.execute(select(_ae).order_by(_ae.c.title))]


class EntityWriter(EntityReader):
    """Writes the table of application entities."""

    def put_entity(self, entity: ApplicationEntity) -> None:
        """Add an application entity, or replace the one with its title."""
        values = asdict(entity)
        self._connection.execute(
            insert(self._connection, _ae)
            .values(values)
            .on_conflict_do_update(index_elements=["title"], set_=values)
        )

    def remove_entity(self, title: str) -> bool:
        """Remove an application entity; tell whether it was there.

        Its subscriptions stay; what is pending for it expires in time.
        """
        return self._connection.execute(delete(_ae).where(_ae.c.title == title)).rowcount > 0

    def replace_file_entities(self, entities: Iterable[ApplicationEntity]) -> None:
        """Put those of a file in the place of those that came from a file before.

        Where an admin has put in an entity of the same title, that one stays.
        """
        self._connection.execute(delete(_ae).where(_ae.c.origin == "file"))
        rows = [{**asdict(entity), "origin": "file"} for entity in entities]
        if rows:
            self._connection.execute(insert(self._connection, _ae).on_conflict_do_nothing(), rows)


def _of_row(row: Row[tuple[object, ...]]) -> ApplicationEntity:
    return ApplicationEntity(**row._asdict())
