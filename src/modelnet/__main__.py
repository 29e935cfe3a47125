"""`python -m modelnet`: the command line without its script."""

from modelnet.application.cli import main

if __name__ == "__main__":
    main()
