"""The search space: a tree of choices, and everything that one does with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

from jointopt.errors import SpaceError
from jointopt.space import configs, counting, distributions, editing, grid, yaml_read, yaml_write
from jointopt.space.describe import describe
from jointopt.space.flat import Decision, flatten
from jointopt.space.frozen_map import FrozenMap
from jointopt.space.leaves import AXES, TABLE, Config, Value
from jointopt.space.nodes import Choice, Node, Tree, freeze_group
from jointopt.space.values import canonical, is_finite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from optuna.distributions import BaseDistribution
    from optuna.trial import BaseTrial

__all__ = ["Space"]


@final
@dataclass(frozen=True, init=False, repr=False, slots=True)
class Space:
    """A conditional search space.

    Parameters
    ----------
    **axes : node or Mapping
        The axes in pipeline order, each a group of nodes or one node. `transforms`, `features`,
        `paradigm`, `architecture` and `hyperparameters` are the standard ones; others are allowed.
        One node has the axis's name as its path, which must not be a column of results such as
        `score`.

    Attributes
    ----------
    axes : Mapping
        Axis to node or group.
    frozen : Mapping
        Parameter path to the value at which it is held.
    decisions : tuple of Decision
        All there is to decide, parents first. Everything else follows this order.

    Raises
    ------
    SpaceError
        If a name is not valid, two parameters have the same path or one has that of a column of
        results, or a condition names a parameter that does not fit. All methods raise it for
        paths and values that the space does not have, and where a subset is needed that is not
        bound to a table yet.

    Examples
    --------
    >>> from jointopt.space import Categorical, Choice, Float, Int
    >>> space = Space(
    ...     transforms={"scale": Categorical(["none", "standard"])},
    ...     paradigm=Choice({
    ...         "knn": {"hyperparameters": {"k": Int(1, 40, log=True, default=5)}},
    ...         "linear": {"hyperparameters": {"C": Float(1e-2, 1e2, log=True)}},
    ...     }),
    ... )
    >>> space.default()
    {'transforms/scale': 'none', 'paradigm': 'knn', 'hyperparameters/knn/k': 5}
    >>> dict(space.size())
    {'transforms': 2, 'paradigm': 2, 'hyperparameters': 50}
    >>> space.size().joint
    100
    """

    axes: FrozenMap[Tree]
    frozen: FrozenMap[Value]
    decisions: tuple[Decision, ...] = field(compare=False)
    _by_parameter: FrozenMap[Decision] = field(compare=False)
    _places: FrozenMap[str] = field(compare=False)

    def __init__(self, **axes: Node | Mapping[str, Any]) -> None:
        tree = freeze_group(axes)
        decisions = flatten(tree)
        owners = {path: decision for decision in decisions for path in decision.parameters}
        self._set(
            axes=tree,
            frozen=FrozenMap(),
            decisions=decisions,
            _by_parameter=FrozenMap(owners),
            _places=FrozenMap(),
        )

    def _set(self, **fields: object) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        """Return the tree, in at most some 40 lines."""
        return describe(self.axes, self.frozen)

    @property
    def axis_names(self) -> tuple[str, ...]:
        """The axes: those given, then those that only branches have.

        Examples
        --------
        >>> from jointopt import Choice, Int
        >>> Space(paradigm=Choice({"knn": {"hyperparameters": {"k": Int(1, 9)}}})).axis_names
        ('paradigm', 'hyperparameters')
        """
        others = {decision.axis for decision in self.decisions} - set(self.axes)
        return (*self.axes, *sorted(others, key=AXES.index))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The paths of all parameters, one for each member of a subset.

        Examples
        --------
        >>> from jointopt import Float, Subset
        >>> space = Space(
        ...     features={"use": Subset(["age", "bmi"])}, hyperparameters={"C": Float(0, 1)}
        ... )
        >>> space.parameters
        ('features/use/age', 'features/use/bmi', 'hyperparameters/C')
        """
        return tuple(self._by_parameter)

    def estimators(self) -> dict[str, object]:
        """Return what the branches of the axis `paradigm` have under `estimator`, by label.

        Examples
        --------
        >>> from jointopt import Choice
        >>> space = Space(paradigm=Choice({"ridge": {"estimator": "sklearn.linear_model.Ridge"}}))
        >>> space.estimators()
        {'ridge': 'sklearn.linear_model.Ridge'}
        """
        paradigm = self.axes.get("paradigm")
        return dict(paradigm.estimators) if isinstance(paradigm, Choice) else {}

    def active(self, config: Mapping[str, Value]) -> Iterator[Decision]:
        """Yield the decisions that are active in a configuration.

        Examples
        --------
        >>> from jointopt import Choice, Int
        >>> space = Space(paradigm=Choice({"bayes": {}, "knn": {"k": Int(1, 9)}}))
        >>> [decision.path for decision in space.active({"paradigm": "bayes"})]
        ['paradigm']
        """
        return configs.active(self.decisions, config)

    def default(self) -> Config:
        """Return the configuration in which everything is at its default, or frozen.

        Examples
        --------
        >>> from jointopt import Choice, Float
        >>> ridge = {"hyperparameters": {"alpha": Float(0, 1, default=0.1)}}
        >>> Space(paradigm=Choice({"bayes": {}, "ridge": ridge}, default="ridge")).default()
        {'paradigm': 'ridge', 'hyperparameters/ridge/alpha': 0.1}
        """
        return self.complete({})

    def defaults_by_branch(self, path: str = "paradigm") -> dict[str, Config]:
        """Return the default configuration of each branch of a choice, by label.

        Parameters
        ----------
        path : str, default="paradigm"
            The choice; if it is frozen, only its frozen branch is returned.

        Examples
        --------
        >>> from jointopt import Choice, Int
        >>> Space(paradigm=Choice({"bayes": {}, "knn": {"k": Int(1, 9)}})).defaults_by_branch()
        {'bayes': {'paradigm': 'bayes'}, 'knn': {'paradigm': 'knn', 'paradigm/knn/k': 5}}
        """
        labels = [self.frozen[path]] if path in self.frozen else list(self._choice(path).branches)
        return {str(label): self.complete({path: label}) for label in labels}

    def complete(self, partial: Mapping[str, object]) -> Config:
        """Return a configuration with the given values where they are active, else defaults.

        Parameters
        ----------
        partial : Mapping
            Parameter path to value. Those of inactive parameters are left out; frozen parameters
            keep their frozen values.

        Examples
        --------
        >>> from jointopt import Choice, Int
        >>> space = Space(paradigm=Choice({"bayes": {}, "knn": {"k": Int(1, 9)}}))
        >>> space.complete({"paradigm": "knn"})
        {'paradigm': 'knn', 'paradigm/knn/k': 5}
        >>> space.complete({"paradigm": "bayes", "paradigm/knn/k": 3})
        {'paradigm': 'bayes'}
        """
        for path in partial:
            self._owner(path)
        return configs.complete(self.decisions, partial, self.frozen)

    def possible(self, values: Mapping[str, Value]) -> Config:
        """Return those of the values, by parameter path, that the space can have.

        Examples
        --------
        >>> from jointopt import Int
        >>> space = Space(hyperparameters={"k": Int(1, 9), "p": Int(1, 2)})
        >>> space.possible({"hyperparameters/k": 10, "hyperparameters/p": 1, "elsewhere": 1})
        {'hyperparameters/p': 1}
        """
        return configs.still_valid(self.decisions, values)

    def validate(self, config: Mapping[str, object]) -> None:
        """Check that a configuration has all active parameters, no other, and valid values.

        Examples
        --------
        >>> from jointopt import Int
        >>> Space(hyperparameters={"k": Int(1, 9)}).validate({"hyperparameters/k": 10})
        Traceback (most recent call last):
            ...
        jointopt.errors.SpaceError: the configuration is not valid: hyperparameters/k: value must
            lie from 1 to 9, got 10
        """
        configs.validate(self.decisions, config, self.frozen)

    def suggest(self, trial: BaseTrial) -> Config:
        """Return a configuration that an Optuna trial suggests.

        Frozen parameters are in it and are not suggested; of a subset, the last member is on
        without being suggested when all others are off.

        Parameters
        ----------
        trial : optuna.trial.BaseTrial
            The trial.

        Examples
        --------
        >>> import optuna
        >>> from jointopt import Choice, Int
        >>> space = Space(paradigm=Choice({"bayes": {}, "knn": {"k": Int(1, 9)}}))
        >>> space.suggest(optuna.trial.FixedTrial({"paradigm": "knn", "paradigm/knn/k": 3}))
        {'paradigm': 'knn', 'paradigm/knn/k': 3}
        """
        return configs.resolve(
            self.decisions, lambda d, _: distributions.suggest(trial, d, self.frozen)
        )

    def distributions(
        self, config: Mapping[str, object] | None = None
    ) -> dict[str, BaseDistribution]:
        """Return the Optuna distributions of the active free parameters of a configuration.

        Parameters
        ----------
        config : Mapping or None, default=None
            Completed with defaults where it is not complete.

        Examples
        --------
        >>> from jointopt import Choice, Int
        >>> space = Space(paradigm=Choice({"bayes": {}, "knn": {"k": Int(1, 9)}}))
        >>> list(space.distributions())
        ['paradigm']
        >>> list(space.distributions({"paradigm": "knn"}))
        ['paradigm', 'paradigm/knn/k']
        """
        complete = self.complete(config or {})
        return {
            path: distribution
            for decision in self.active(complete)
            for path, distribution in distributions.distributions(decision, self.frozen).items()
        }

    def freeze(
        self, values: Mapping[str, object] | None = None, axes: Iterable[str] = ()
    ) -> Space:
        """Return the space with some parameters held fixed.

        Parameters
        ----------
        values : Mapping or None, default=None
            Parameter path to value. Parameters that are inactive now are held once they become
            active. A later value takes the place of an earlier one.
        axes : iterable of str, default=()
            Of these axes, every other parameter that is not frozen yet is held at its default.

        Examples
        --------
        >>> from jointopt import Categorical, Int
        >>> scale = Categorical(["none", "standard"])
        >>> space = Space(transforms={"scale": scale}, hyperparameters={"k": Int(1, 9)})
        >>> held = space.freeze({"transforms/scale": "standard"})
        >>> held.size().joint, held.default()
        (9, {'transforms/scale': 'standard', 'hyperparameters/k': 5})
        >>> space.freeze(axes=["hyperparameters"]).size().joint
        2
        """
        frozen = dict(self.frozen)
        for path, value in (values or {}).items():
            frozen[path] = canonical(self._owner(path).node, value, path)
        for axis in axes:
            if axis not in self.axis_names:
                raise SpaceError(
                    f"{axis!r} is not an axis of the space, which has "
                    f"{', '.join(self.axis_names)}{grid.did_you_mean(axis, self.axis_names)}"
                )
            frozen = configs.defaults(self.decisions, axis) | frozen
        configs.check_frozen(self.decisions, frozen)
        return self._with(frozen)

    def _with(self, frozen: Mapping[str, Value]) -> Space:
        other = object.__new__(Space)
        ordered = {path: frozen[path] for path in self._by_parameter if path in frozen}
        other._set(
            axes=self.axes,
            frozen=FrozenMap(ordered),
            decisions=self.decisions,
            _by_parameter=self._by_parameter,
            _places=self._places,
        )
        return other

    def prune(self, paths: Iterable[str], *, missing_ok: bool = False) -> Space:
        """Return the space without some of its parts, and all that is below them.

        Parameters
        ----------
        paths : iterable of str
            Paths of parameters or groups, or of one branch, option or member below its
            parameter's path, such as `paradigm/svm`.
        missing_ok : bool, default=False
            Whether paths that nothing in the space has are let pass.

        Raises
        ------
        SpaceError
            If a path is not known, or nothing would be left of a choice, categorical or subset.

        Examples
        --------
        >>> from jointopt import Categorical
        >>> space = Space(transforms={"scale": Categorical(["none", "standard", "robust"])})
        >>> [c["transforms/scale"] for c in space.prune(["transforms/scale/standard"]).enumerate()]
        ['none', 'robust']
        """
        other = Space(**editing.prune(self.axes, tuple(paths), missing_ok=missing_ok))
        other._set(_places=self._places)
        return other._with(other.possible(self.frozen))

    def bind(self, members: Mapping[str, Iterable[str]]) -> Space:
        """Return the space with a table's columns in place of every `Subset("table")`.

        Parameters
        ----------
        members : Mapping
            `{"table": names}`.

        Examples
        --------
        >>> from jointopt import Subset
        >>> Space(features={"use": Subset("table")}).bind({"table": ["age", "bmi"]}).parameters
        ('features/use/age', 'features/use/bmi')
        """
        if set(members) != {TABLE}:
            raise SpaceError(f"bind takes {{'table': names}}, got the keys {sorted(members)}")
        names = tuple(members[TABLE])
        other = Space(**{axis: editing.bind(tree, names) for axis, tree in self.axes.items()})
        other._set(_places=self._places)
        return other._with(self.frozen)

    @property
    def is_finite(self) -> bool:
        """Whether no parameter that can become active is continuous and free.

        Examples
        --------
        >>> from jointopt import Float
        >>> space = Space(hyperparameters={"C": Float(0, 1)})
        >>> space.is_finite, space.freeze({"hyperparameters/C": 0.5}).is_finite
        (False, True)
        """
        return all(
            is_finite(decision, self.frozen)
            for decision in counting.possible(self.decisions, self.frozen)
        )

    def size(self, resolution: int = 10) -> counting.Size:
        """Return how many distinct assignments each axis has, and how many configurations exist.

        An axis that is inactive in some configurations counts one assignment for that. Frozen
        parameters count as one value, an `Int` and a `Float` with a step as their grid points.

        Parameters
        ----------
        resolution : int, default=10
            As how many values a `Float` without a step counts.

        Returns
        -------
        Size
            Axis to number, with `joint` and `sequential`.

        Examples
        --------
        >>> from jointopt import Categorical, Int
        >>> scale = Categorical(["none", "standard"])
        >>> Space(transforms={"scale": scale}, hyperparameters={"k": Int(1, 9)}).size()
        Size({'transforms': 2, 'hyperparameters': 9}, joint=18, sequential=11, resolution=10)
        """
        if grid.whole(resolution, "resolution") < 1:
            raise SpaceError(f"resolution must be at least 1, got {resolution}")
        return counting.size(self.decisions, self.axis_names, self.frozen, resolution)

    def enumerate(self) -> Iterator[Config]:
        """Return an iterator over all configurations, one at a time.

        Examples
        --------
        >>> from jointopt import Choice, Int
        >>> space = Space(paradigm=Choice({"bayes": {}, "knn": {"k": Int(1, 2)}}))
        >>> for config in space.enumerate():
        ...     print(config)
        {'paradigm': 'bayes'}
        {'paradigm': 'knn', 'paradigm/knn/k': 1}
        {'paradigm': 'knn', 'paradigm/knn/k': 2}
        """
        for decision in counting.possible(self.decisions, self.frozen):
            if not is_finite(decision, self.frozen):
                raise SpaceError(
                    f"{decision.path}: is continuous, so the space cannot be enumerated; "
                    "give it a step, or freeze it"
                )
        return configs.enumerate_all(self.decisions, self.frozen)

    def to_yaml(self) -> str:
        """Return the tree in the YAML form. What is frozen is not part of it.

        An estimator that is a class is written as its dotted path.

        Examples
        --------
        >>> from jointopt import Choice, Int
        >>> print(Space(paradigm=Choice({"bayes": {}, "knn": {"k": Int(1, 9)}})).to_yaml())
        paradigm:
          choice:
            bayes: {}
            knn:
              k: {int: [1, 9]}
        """
        return yaml_write.dump(self.axes)

    @classmethod
    def from_yaml(cls, text: str, source: str = "<string>") -> Space:
        """Return the space that a YAML text describes; it cannot include other files.

        Parameters
        ----------
        text : str
            The YAML form.
        source : str, default="<string>"
            What error messages call it.

        Examples
        --------
        >>> Space.from_yaml("hyperparameters: {C: {float: [0, 10]}}").default()
        {'hyperparameters/C': 5.0}
        >>> Space.from_yaml("hyperparameters: {C: {flaot: [0, 10]}}")
        Traceback (most recent call last):
            ...
        jointopt.errors.SpaceError: <string>, line 1, column 30: hyperparameters/C/flaot: expected
            a node or a group, got a list; did you mean 'float'?
        """
        return cls.from_document(yaml_read.read(text, source))

    @classmethod
    def from_document(cls, document: yaml_read.Document) -> Space:
        """Return the space that a YAML file describes; errors say where in it.

        Parameters
        ----------
        document : Document
            What was read.

        Examples
        --------
        >>> document = yaml_read.read("hyperparameters: {k: {int: [1, 9]}}", "mine.yaml")
        >>> Space.from_document(document).parameters
        ('hyperparameters/k',)
        """
        space = document.build(cls)
        object.__setattr__(space, "_places", FrozenMap(document.places))
        return space

    def error(self, path: str, message: str) -> SpaceError:
        """Return an error that says where a path was written, if that was in a file.

        Parameters
        ----------
        path : str
            Of a parameter or a group, or below a parameter's path one of its options.
        message : str
            What is wrong with it.

        Examples
        --------
        >>> text = "hyperparameters: {weights: {categorical: [uniform, distnace]}}"
        >>> space = Space.from_yaml(text, "mine.yaml")
        >>> raise space.error("hyperparameters/weights/distnace", "'distnace' is not known")
        Traceback (most recent call last):
            ...
        jointopt.errors.SpaceError: mine.yaml, line 1, column 52: hyperparameters/weights/distnace:
            'distnace' is not known
        """
        place = self._places.get(path)
        return SpaceError(f"{place}: {path}: {message}" if place else f"{path}: {message}")

    def _owner(self, path: str) -> Decision:
        if path not in self._by_parameter:
            raise SpaceError(
                f"{path!r} is not a parameter of the space"
                f"{grid.did_you_mean(path, self._by_parameter)}"
            )
        return self._by_parameter[path]

    def _choice(self, path: str) -> Choice:
        node = self._owner(path).node
        if not isinstance(node, Choice):
            raise SpaceError(f"{path!r} is not a choice, so it has no branches")
        return node
