"""`python -m verify` is `gradcampp verify`."""

import sys

from verify.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["verify"]
    main()
