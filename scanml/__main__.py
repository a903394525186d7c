"""`python -m scanml` is the `scanml` command."""

from scanml.cli import main

raise SystemExit(main())
