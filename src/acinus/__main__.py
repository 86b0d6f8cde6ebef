"""``python -m acinus``: the command line where its script is not on the path."""

from acinus.cli import main

if __name__ == "__main__":
    main()
