"""One script per promise about speed or quality; `results/` keeps every measurement, appended, never edited."""
