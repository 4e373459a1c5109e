"""The package's templates; what is not Markup is escaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, Template

__all__ = ["get_template", "make_environment"]


def make_environment() -> Environment:
    """Return an environment that finds the templates by their names."""
    return Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, loader=FunctionLoader(_source)
    )


@cache
def get_template(name: str) -> Template:
    """Return a template that needs no filters of its own, read once."""
    return make_environment().get_template(name)


def _source(name: str) -> str:
    return files("jointopt.insight").joinpath(name).read_text(encoding="utf-8")
