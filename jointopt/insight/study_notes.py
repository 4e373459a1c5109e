"""What optuna-dashboard shows of a study beside its trials, kept true while the search runs.

A search waits for what is written here, so that little of its time may be spent on it, and several
searches may write about one study: what is kept in many attributes is written in one piece, and
a trial's note but once, and its files by the search that ran it.
"""

from __future__ import annotations

import json
import uuid
import warnings
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Final

import optuna
from optuna.exceptions import ExperimentalWarning

from jointopt.evaluation.attempt import attempt, reason_of
from jointopt.files import plain_writing
from jointopt.insight.markdown import as_code
from jointopt.insight.pace import Pace
from jointopt.insight.study_graphs import closing_graphs, running_graphs
from jointopt.insight.told_stage import ToldStage
from jointopt.insight.trial_files import trial_files, trial_note
from jointopt.search.place import place_of, plain_storage_errors
from jointopt.search.storage import at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import plotly.graph_objects as go
    from optuna.storages import BaseStorage

    from jointopt.data import Metric
    from jointopt.evaluation.table_evaluator import TableEvaluator
    from jointopt.insight.search_result import SearchResult
    from jointopt.insight.trial_files import TrialFile
    from jointopt.model.fitted import Member
    from jointopt.search.result import TrialRecord
    from jointopt.space import Space

__all__ = ["ARTIFACTS", "StudyNotes"]

ARTIFACTS: Final = "artifacts"
"""Folder of the files of trials, in that of a run's results."""
NOTE_LENGTH: Final = 2_045
"""Characters of a note that optuna-dashboard keeps in one attribute."""


class StudyNotes:
    """Writes a note, figures, trials' notes and the leading trials' files of each stage's study.

    Parameters
    ----------
    storage : BaseStorage
        Where the studies are.
    name : str
        Studies are named `name/stage`.
    metric : Metric
        Of the search.
    about : str
        What is predicted, in a line.
    folder : Path
        Of the files; it is made when there are some.
    """

    def __init__(
        self, storage: BaseStorage, name: str, metric: Metric, about: str, folder: Path
    ) -> None:
        self._storage = storage
        self._name = name
        self._metric = metric
        self._about = about
        self._folder = folder
        self._evaluator: TableEvaluator | None = None
        self._space: Space | None = None
        self._stages: dict[str, ToldStage] = {}
        self._paces = (
            (Pace(5.0, 0.003), self._write_note),
            (Pace(5.0, 0.003, waits=True), self._write_trial_notes),
            (Pace(5.0, 0.01, waits=True), self._write_graphs),
            # After 10, 20, 30, 45 s and so on: of a long search, too, not many trials have files.
            (Pace(10.0, 0.005, growth=0.5, waits=True), self._write_files),
        )

    def prepare(self, evaluator: TableEvaluator, space: Space) -> None:
        """Take in what holds the best trials' predictions, and the space bound to the table."""
        self._evaluator, self._space = evaluator, space

    def __call__(self, record: TrialRecord) -> None:
        """Take in a trial, and write what is due."""
        name = f"{self._name}/{record.stage}"
        self._stages.setdefault(record.stage, ToldStage(name)).take_in(record, self._metric)
        for pace, write in self._paces:
            if pace.is_due:
                pace.keep(partial(self._of_each, write))

    def finish(
        self,
        result: SearchResult | None = None,
        conclusion: str = "",
        members: Sequence[Member] = (),
    ) -> None:
        """Write what is not written yet, and what only a search that has ended can tell.

        Parameters
        ----------
        result : SearchResult or None, default=None
            What was found; the study with the most trials shows it.
        conclusion : str, default=""
            What became of it, in a line.
        members : sequence of Member, default=()
            Of the model; those that this search evaluated have files.
        """
        for stage in self._stages.values():
            stage.conclusion = conclusion
            stage.n_written.pop(self._write_note.__name__, None)
        for _, write in self._paces:
            self._of_each(write)
        for stage in self._stages.values():
            for record in stage.members(members):
                self._write_files_of(stage, record)
        if result is not None and self._stages:
            largest = max(self._stages.values(), key=lambda stage: len(stage.records))
            self._save_graphs(largest, closing_graphs(result))

    def _of_each(self, write: Callable[[ToldStage], bool]) -> bool:
        """Write of each study that has new trials; return whether there was something to tell."""
        told = False
        for stage in self._stages.values():
            if stage.n_written.get(write.__name__) != len(stage.records):
                told |= write(stage)
                stage.n_written[write.__name__] = len(stage.records)
        return told

    def _write_note(self, stage: ToldStage) -> bool:
        from optuna_dashboard import save_note

        with plain_storage_errors(place_of(self._storage)), at_once(self._storage):
            save_note(self._open(stage), stage.note(self._about, self._metric))
        return True

    def _write_graphs(self, stage: ToldStage) -> bool:
        graphs = running_graphs(stage.records, self._metric, self._space)
        return self._save_graphs(stage, graphs)

    def _save_graphs(self, stage: ToldStage, graphs: Iterable[tuple[str, go.Figure]]) -> bool:
        from optuna_dashboard import save_plotly_graph_object

        drawn = False
        with plain_storage_errors(place_of(self._storage)), at_once(self._storage):
            for name, figure in graphs:
                save_plotly_graph_object(self._open(stage), figure, graph_object_id=name)
                drawn = True
        return drawn

    def _write_trial_notes(self, stage: ToldStage) -> bool:
        new = stage.without_note()
        self._save_notes(stage, new)
        return bool(new)

    def _save_notes(
        self, stage: ToldStage, records: Sequence[TrialRecord], remark: str = ""
    ) -> None:
        """Save notes of trials; what somebody else wrote there stays."""
        with plain_storage_errors(place_of(self._storage)), at_once(self._storage):
            study_id = self._storage.get_study_id_from_name(stage.study_name)
            before = self._storage.get_study_system_attrs(study_id)
            for record in records:
                trial_id = self._id_of(study_id, record.number)
                version = f"dashboard:{trial_id}:note_ver"
                own = stage.noted.setdefault(record.number, 0)
                if before.get(version, 0) != own:
                    continue
                # As `optuna_dashboard.save_note` does, which reads all that a study has each time.
                note = trial_note(record, self._metric) + remark
                stage.noted[record.number] = own + 1
                self._storage.set_study_system_attr(study_id, version, own + 1)
                for k, start in enumerate(range(0, len(note), NOTE_LENGTH)):
                    key = f"dashboard:{trial_id}:note_str:{k}"
                    part = note[start : start + NOTE_LENGTH]
                    self._storage.set_study_system_attr(study_id, key, part)

    def _id_of(self, study_id: int, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(study_id, number)

    def _write_files(self, stage: ToldStage) -> bool:
        leading = stage.leading(self._metric)
        for record in leading:
            self._write_files_of(stage, record)
        return bool(leading)

    def _write_files_of(self, stage: ToldStage, record: TrialRecord) -> None:
        files = self._files(record)
        if isinstance(files, Exception):
            # An estimator may fail to tell what it is, which must not end the search.
            remark = f"\n\nIts files could not be made: {as_code(reason_of(files))}"
            self._save_notes(stage, [record], remark)
        else:
            with plain_storage_errors(place_of(self._storage)), at_once(self._storage):
                study_id = self._storage.get_study_id_from_name(stage.study_name)
                trial_id = self._id_of(study_id, record.number)
                # Optuna sets none of a trial that has ended; the dashboard reads these, too.
                for meta in self._keep(files):
                    key = f"dashboard:artifacts:{trial_id}:{meta['artifact_id']}"
                    self._storage.set_study_system_attr(study_id, key, json.dumps(meta))
        stage.shown.add(record.number)

    def _files(self, record: TrialRecord) -> list[TrialFile] | Exception:
        """Return a trial's files, if its predictions are known."""
        evaluator = self._evaluator
        if evaluator is None or record.evaluation not in evaluator.kept.predictions:
            return []
        predictions = evaluator.kept.predictions[record.evaluation]
        return attempt(lambda: list(trial_files(record, evaluator.setting, predictions)))

    def _keep(self, files: Sequence[TrialFile]) -> list[dict[str, str | None]]:
        """Write files and return what they are, as optuna-dashboard reads it."""
        from optuna.artifacts import FileSystemArtifactStore

        store = FileSystemArtifactStore(self._folder)
        kept = []
        for file in files:
            name = str(uuid.uuid4())
            with plain_writing(f"a trial's {file.name} in {self._folder}"):
                self._folder.mkdir(exist_ok=True)
                store.write(name, BytesIO(file.content.encode()))
            kept.append(
                {
                    "artifact_id": name,
                    "filename": file.name,
                    "mimetype": file.mimetype,
                    "encoding": None,
                }
            )
        return kept

    def _open(self, stage: ToldStage) -> optuna.Study:
        if stage.study is None:
            stage.study = optuna.load_study(study_name=stage.study_name, storage=self._storage)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                stage.study.set_metric_names([self._metric.name])
        return stage.study
