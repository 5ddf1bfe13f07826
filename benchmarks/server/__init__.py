"""The servers of the benchmarks: nginx with Lua, in three shapes, over files on tmpfs."""
