"""The commands of `callrouter`, one module each; `cli` gathers them."""
