"""The examples in the docstrings: complete, so that they can be copied."""

from __future__ import annotations

import ast
import builtins
import doctest
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import leaddicom.ups.client

MODULES = [
    importlib.import_module(each.name)
    for each in pkgutil.iter_modules(
        leaddicom.ups.client.__path__, f"{leaddicom.ups.client.__name__}."
    )
]


def examples() -> Iterator[tuple[str, str]]:
    """Give the example of each docstring, by its name."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for module in MODULES:
        for each in finder.find(module):
            if each.examples:
                yield each.name, "".join(example.source for example in each.examples)


EXAMPLES = dict(examples())


def test_there_are_some() -> None:
    assert {"leaddicom.ups.client.scu.UpsScu", "leaddicom.ups.client.builders.workitem"} <= set(
        EXAMPLES
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_uses_no_name_that_it_does_not_make(name: str) -> None:
    tree = ast.parse(EXAMPLES[name])
    imports: list[ast.stmt] = [
        node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    imported: dict[str, object] = {}
    exec(compile(ast.Module(imports, []), name, "exec"), imported)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    made = {each.id for each in names if isinstance(each.ctx, ast.Store)}
    used = {each.id for each in names if isinstance(each.ctx, ast.Load)}
    assert used - made - set(imported) - set(vars(builtins)) == set()


@pytest.mark.parametrize("name", [name for name in EXAMPLES if "with " not in EXAMPLES[name]])
def test_runs_if_it_needs_no_network(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    exec(compile(EXAMPLES[name], name, "exec"), {})
