"""LuaJIT writes machine code, runs it, patches it and leaves it by jumps: as on the oracle."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import Run, Runner, need_engine

pytestmark = [pytest.mark.guest, pytest.mark.image, pytest.mark.slow]

_SCRIPT = r"""
local bit, ffi = require 'bit', require 'ffi'
local lines = {}
local function say(...) lines[#lines + 1] = table.concat({...}, ' ') end
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
say('recursion', fib(20))
local t, sum = {}, 0
for i = 1, 50000 do t[i % 1000] = (t[i % 1000] or 0) + i * 0.5 end
for _, v in pairs(t) do sum = sum + v end
say('tables', sum)
local hash = 0
for i = 1, 200000 do hash = bit.bxor(bit.rol(hash, 5), i) end
say('bits', hash)
local parts, count = {}, 0
for i = 1, 3000 do parts[i] = string.format('%d:%s', i, ('x'):rep(i % 7)) end
for word in table.concat(parts, ','):gmatch('%d+') do count = count + tonumber(word) end
say('strings', count)
local a, x = ffi.new('double[?]', 500), 0
for r = 1, 50 do for i = 0, 499 do a[i] = a[i] + math.sqrt(i * r) end end
for i = 0, 499 do x = x + a[i] end
say('ffi', string.format('%.9g', x))
local less = ffi.cast('int (*)(const void *, const void *)', function(p, q)
    return ffi.cast('const int *', p)[0] - ffi.cast('const int *', q)[0] end)
ffi.cdef 'void qsort(void *, size_t, size_t, int (*)(const void *, const void *));'
local numbers = ffi.new('int[200]')
for i = 0, 199 do numbers[i] = i * 7919 % 200 end
ffi.C.qsort(numbers, 200, 4, less)
say('callbacks', numbers[0], numbers[100], numbers[199])
say('errors', tostring(pcall(function() for i = 1, 900 do if i == 777 then error({}) end end end)))
local next, total = coroutine.wrap(function() for i = 1, 9000 do coroutine.yield(i) end end), 0
for _ = 1, 9000 do total = total + next() end
say('coroutines', total)
for kind = 1, 6 do  -- traces made, thrown away and made again
    local f, s = load('local s = 0 for i = 1, 300 do s = s + i % ' .. kind .. ' end return s'), 0
    for _ = 1, 5 do s = s + f() end
    if kind % 2 == 0 then jit.flush() say('flush', s) end
end
say('compiling', tostring((jit.status())))
print(table.concat(lines, '\n'))
"""


@pytest.mark.parametrize("threshold", ["0", "1", ""])
def test_luajit(threshold: str, rootfs: Callable[[str], Path], oracle: Run, tmp_path: Path) -> None:
    """Interpreted, compiled when first run, and as users run it."""
    need_engine("jit")
    root = rootfs("toolbox")
    words = (root / "usr/bin/luajit", "-e", _SCRIPT)
    settings = {"ELFUSE_JIT_THRESHOLD": threshold} if threshold else {}
    ours = Runner("jit", tmp_path)(*words, sysroot=root, env=settings)
    assert (ours.returncode, ours.stderr) == (0, "")
    assert ours.stdout == oracle(*words, sysroot=root).stdout
    assert ours.stdout.endswith("compiling true\n")
