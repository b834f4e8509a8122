"""YAML files read strictly: each value with its place, each mistake with line and column."""
