"""Where the command `textgen` and `python -m textgen` start."""

import sys


def main() -> None:
    """Run the command line and exit, with one line where a package that it needs is missing."""
    try:
        from textgen import cli
    except ModuleNotFoundError as error:
        from textgen import packages

        if (package := packages.find_missing_package(error)) is None:
            raise
        sys.exit(f"textgen: error: {packages.describe_missing(package)}")
    cli.main()


if __name__ == "__main__":
    main()
