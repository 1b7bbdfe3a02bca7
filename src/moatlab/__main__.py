"""``python -m moatlab``."""

from moatlab.cli.main import main

if __name__ == "__main__":
    main()
