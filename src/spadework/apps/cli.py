"""The `spadework` command. Results go to stdout, progress to stderr. Exit 0 done, 1 findings that
block under --strict, 2 a bad request or a log from which nothing can be learned.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
import time

import click

from spadework.apps import surroundings
from spadework.errors import SpadeworkError


class Commands(click.Group):
    """Finds commands by walking `apps/commands`; loads one only when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        package = importlib.import_module("spadework.apps.commands")
        return sorted(module.name for module in pkgutil.iter_modules(package.__path__))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(context):
            return None
        command: click.Command = importlib.import_module(f"spadework.apps.commands.{name}").command
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.list_commands(context):
            from spadework.errors import UnknownName

            raise UnknownName("command", name, self.list_commands(context))
        return super().resolve_command(context, args)


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="spadework", message="%(prog)s %(version)s")
def spadework() -> None:
    """Try the spade before the excavator: from an interaction log to an honest board of
    recommenders.

    Start with: spadework dig YOUR_LOG.csv
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every error becomes two sentences and an exit code."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `spadework … | head` ends quietly
    surroundings.prepare_streams()
    try:
        surroundings.check_threads()
        surroundings.check_address_space()
        # a command's budget counts from here: a user's clock runs while libraries are imported
        code = spadework.main(
            args=arguments, prog_name="spadework", standalone_mode=False, obj=time.monotonic()
        )
    except SpadeworkError as error:
        _fail(error.message, error.hint)
    except click.UsageError as error:
        hint = f"See: {error.ctx.command_path} --help" if error.ctx else "See: spadework --help"
        _fail(error.format_message(), _as_setting(error) or hint)
    except click.ClickException as error:
        _fail(error.format_message(), "")
    except (KeyboardInterrupt, click.Abort):
        if sys.stderr is not None:
            sys.stderr.flush()
        os._exit(130)  # threads of a kernel may still run; nothing is left to be saved
    except OSError as error:
        if error.errno is None and surroundings.is_no_room(error):
            _fail(*surroundings.unexpected(error))
        where = f" {error.filename}" if error.filename else ""
        _fail(
            f"The system refused{where}: {error.strerror or error}.",
            "Check the path, its rights and the space on the disk.",
        )
    except MemoryError as error:
        _fail(*surroundings.out_of_memory(error))
    except UnicodeEncodeError as error:
        _fail(
            f"The text {str(error.object)[:80]!a} is not UTF-8.",
            "Rename the file or the column that has this name.",
        )
    except Exception as error:
        _fail(*surroundings.unexpected(error))
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _as_setting(error: click.UsageError) -> str:
    """How an option of `dig` is given to a command that takes it with --set; empty for others."""
    if not isinstance(error, click.NoSuchOption) or error.ctx is None:
        return ""
    if not any("--set" in parameter.opts for parameter in error.ctx.command.params):
        return ""
    from spadework.workbench.recipe import Recipe

    key = error.option_name.lstrip("-").replace("-", "_")
    return f"Here it is given as: --set {key}=VALUE." if key in Recipe.model_fields else ""


def _fail(message: str, hint: str) -> None:
    from spadework.apps.terminal import visible

    click.echo(visible(f"{message}\n{hint}".strip()), err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
