"""The command line, one file a verb: parse, call the verb, say where the result lies."""


def main() -> None:
    """Run the command line."""
    print("acinus")
