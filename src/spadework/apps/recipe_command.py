"""Commands whose settings are a recipe: every key of the recipe is also an option, so `--user ID`
is `--set user=ID`.
"""

from __future__ import annotations

import click

_COMMON = ("--json", "--help", "-h")


class RecipeCommand(click.Command):
    """Turns `--key value` into `--set key=value` for keys of the recipe that the command does not
    declare itself.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._with_settings(args))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(
                "Any key of the recipe is an option too: --user CustomerID, --skip-bad. "
                "See: spadework explain recipe"
            )

    def _with_settings(self, args: list[str]) -> list[str]:
        declared = {name for parameter in self.params for name in parameter.opts} | set(_COMMON)
        if all(not arg.startswith("--") or arg.split("=")[0] in declared for arg in args):
            return args  # nothing to translate, so the recipe need not be loaded
        from spadework.workbench.recipe import Recipe

        translated: list[str] = []
        given: dict[str, str] = {}
        remaining = iter(args)
        for arg in remaining:
            if arg == "--":
                return [*translated, arg, *remaining]
            name, equals, value = arg.partition("=")
            key = name.removeprefix("--").replace("-", "_")
            if not arg.startswith("--") or name in declared or key not in Recipe.model_fields:
                translated.append(arg)
                continue
            if Recipe.model_fields[key].annotation is bool:
                value = value or "true"
            elif not equals:
                value = next(remaining, "")
                if not value:
                    raise click.BadOptionUsage(
                        name, f"Option {name!r} requires an argument.", ctx=None
                    )
            if "list" not in str(Recipe.model_fields[key].annotation):
                _refuse_twice(name, given.setdefault(key, value), value)
            translated += ["--set", f"{key}={value}"]
        return translated


def _refuse_twice(name: str, before: str, value: str) -> None:
    """Refuse an option of one value that is given again with another one."""
    if before != value:
        raise click.UsageError(
            f"Option {name!r} is given twice, as {before!r} and as {value!r}: it has one value."
        )
