"""The commands of `callrouter`, most in a module of their own; `cli` gathers them."""
