"""Optuna's database storage, with finished trials written whole.

Optuna stores a trial parameter by parameter and asks the database about each before: at sixty
parameters that takes longer than many a fit. Here a finished trial is a few statements, in the
tables that Optuna makes, so that all tools which open such a database read the same as ever.
"""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from weakref import finalize

from optuna.distributions import (
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from jointopt.search.place import KnownFile, place_of, plain_storage_errors

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial
    from sqlalchemy import Connection, Insert, MetaData, Table

__all__ = ["DatabaseStorage"]

TABLES = (
    "studies",
    "study_system_attributes",
    "trials",
    "trial_params",
    "trial_values",
    "trial_intermediate_values",
    "trial_user_attributes",
    "trial_system_attributes",
)


class DatabaseStorage(RDBStorage):
    """A storage in which a finished trial is added in one transaction of a few statements.

    So are a study's attributes that are set within `at_once`.

    Parameters and all else are those of `optuna.storages.RDBStorage`.
    """

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        # When its last connection closes, SQLite moves the write-ahead log into the file, which
        # people copy by itself; an interpreter that ends does not close them.
        finalize(self, self.engine.dispose)
        file = Path(self.engine.url.database or "") if url.startswith("sqlite") else None
        self._file = KnownFile(file) if file is not None and file.is_file() else None
        self._reflected: MetaData | None = None
        self._known: dict[tuple[int, str], BaseDistribution] = {}
        self._gathered: dict[tuple[int, str], str] | None = None

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Write what is set of system attributes of studies within in one transaction, at the end.

        A value that is kept in many attributes, such as a figure of optuna-dashboard, is never
        read half written, and costs one commit. Within, attributes read as they were before.
        """
        self._gathered = {}
        try:
            yield
            gathered, self._gathered = self._gathered, None
            if gathered:
                self._set_study_system_attrs(gathered)
        finally:
            self._gathered = None

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Set a system attribute of a study, now or with others at the end of `at_once`."""
        if self._gathered is None:
            super().set_study_system_attr(study_id, key, value)
        else:
            self._gathered[study_id, key] = json.dumps(value)

    def _set_study_system_attrs(self, gathered: Mapping[tuple[int, str], str]) -> None:
        if self._file is not None:
            self._file.check()
        # In one order for all: two runs that wait for each other's rows would wait for ever.
        rows = [
            {"study_id": study_id, "key": key, "value_json": text}
            for (study_id, key), text in sorted(gathered.items())
        ]
        with plain_storage_errors(place_of(self)), self.engine.begin() as connection:
            table = self._table("study_system_attributes")
            connection.execute(_upsert(self.engine.dialect.name, table), rows)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Add a trial and return its identifier.

        Parameters
        ----------
        study_id : int
        template_trial : FrozenTrial or None, default=None
            What the trial is; one that has just begun by default.

        Raises
        ------
        StorageError
            If the database does not take it.
        ValueError
            If a parameter has another kind of distribution than in earlier trials.
        """
        if template_trial is None or not template_trial.state.is_finished():
            return super().create_new_trial(study_id, template_trial)
        if self._file is not None:
            self._file.check()
        with plain_storage_errors(place_of(self)), self.engine.begin() as connection:
            return self._insert(connection, study_id, template_trial)

    def get_n_trials(
        self, study_id: int, state: tuple[TrialState, ...] | TrialState | None = None
    ) -> int:
        """Return how many trials a study has, without reading them.

        Parameters
        ----------
        study_id : int
        state : TrialState, tuple of TrialState or None, default=None
            Which ones to count; all by default.
        """
        from sqlalchemy import func, select

        trials = self._table("trials")
        query = select(func.count()).where(trials.c.study_id == study_id)
        if state is not None:
            states = (state,) if isinstance(state, TrialState) else state
            query = query.where(trials.c.state.in_([s.name for s in states]))
        with self.engine.connect() as connection:
            return connection.execute(query).scalar_one()

    def _insert(self, connection: Connection, study_id: int, trial: FrozenTrial) -> int:
        from sqlalchemy import func, select

        studies, trials = self._table("studies"), self._table("trials")
        # Whoever adds a trial to the study waits here, so that numbers are given once.
        connection.execute(
            select(studies.c.study_id).where(studies.c.study_id == study_id).with_for_update()
        )
        added = connection.execute(
            trials.insert().values(
                study_id=study_id,
                state=trial.state.name,
                datetime_start=_in_utc(trial.datetime_start),
                datetime_complete=_in_utc(trial.datetime_complete),
            )
        )
        (trial_id,) = cast("tuple[int]", added.inserted_primary_key)
        earlier = select(func.count()).where(
            trials.c.study_id == study_id, trials.c.trial_id < trial_id
        )
        number = connection.execute(earlier).scalar_one()
        connection.execute(
            trials.update().where(trials.c.trial_id == trial_id).values(number=number)
        )
        self._check_distributions(connection, study_id, trial.distributions)
        for name, rows in _rows(trial).items():
            if rows:
                own = [{"trial_id": trial_id, **row} for row in rows]
                connection.execute(self._table(name).insert(), own)
        self._known |= {(study_id, name): d for name, d in trial.distributions.items()}
        return trial_id

    def _check_distributions(
        self,
        connection: Connection,
        study_id: int,
        distributions: Mapping[str, BaseDistribution],
    ) -> None:
        """Compare with earlier trials, of which the database is asked once for each parameter."""
        from sqlalchemy import func, select

        new = [name for name in distributions if (study_id, name) not in self._known]
        if new:
            params, trials = self._table("trial_params"), self._table("trials")
            found = connection.execute(
                select(params.c.param_name, func.min(params.c.distribution_json))
                .join(trials, trials.c.trial_id == params.c.trial_id)
                .where(trials.c.study_id == study_id, params.c.param_name.in_(new))
                .group_by(params.c.param_name)
            )
            for name, text in found:
                self._known[study_id, name] = json_to_distribution(text)
        for name, distribution in distributions.items():
            if (known := self._known.get((study_id, name))) is not None:
                check_distribution_compatibility(known, distribution)

    def _table(self, name: str) -> Table:
        from sqlalchemy import MetaData

        if self._reflected is None:
            found = MetaData()
            found.reflect(self.engine, only=TABLES)
            self._reflected = found
        return self._reflected.tables[name]


def _rows(trial: FrozenTrial) -> dict[str, list[dict[str, Any]]]:
    """Return what a trial is in each table, without the trial's identifier."""
    return {
        "trial_params": [
            {
                "param_name": name,
                "param_value": distribution.to_internal_repr(trial.params[name]),
                "distribution_json": distribution_to_json(distribution),
            }
            for name, distribution in trial.distributions.items()
        ],
        "trial_values": [
            {"objective": objective, **_number("value", "value_type", value)}
            for objective, value in enumerate(trial.values or ())
        ],
        "trial_intermediate_values": [
            {"step": step, **_number("intermediate_value", "intermediate_value_type", value)}
            for step, value in trial.intermediate_values.items()
        ],
        "trial_user_attributes": [
            {"key": key, "value_json": json.dumps(value)}
            for key, value in trial.user_attrs.items()
        ],
        "trial_system_attributes": [
            {"key": key, "value_json": json.dumps(value)}
            for key, value in trial.system_attrs.items()
        ],
    }


def _upsert(dialect: str, table: Table) -> Insert:
    """Return a statement that adds attributes, or changes those that a study has."""
    from sqlalchemy.dialects import mysql, postgresql, sqlite

    if dialect in ("mysql", "mariadb"):
        added = mysql.insert(table)
        return added.on_duplicate_key_update(value_json=added.inserted.value_json)
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return insert.on_conflict_do_update(
        index_elements=["study_id", "key"], set_={"value_json": insert.excluded.value_json}
    )


def _number(value_name: str, kind_name: str, value: float) -> dict[str, float | str | None]:
    """Return a number in two columns: databases differ in what they hold beside finite ones."""
    if math.isfinite(value):
        return {value_name: value, kind_name: "FINITE"}
    kind = "NAN" if math.isnan(value) else "INF_POS" if value > 0 else "INF_NEG"
    return {value_name: None, kind_name: kind}


def _in_utc(moment: dt.datetime | None) -> dt.datetime | None:
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)
