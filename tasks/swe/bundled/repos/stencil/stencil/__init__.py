"""A small template engine."""

from stencil.environment import Environment
from stencil.errors import TemplateError, TemplateMissing, TemplateSyntaxError
from stencil.markup import Markup, escape

__all__ = ["Environment", "Markup", "TemplateError", "TemplateMissing", "TemplateSyntaxError", "escape"]
