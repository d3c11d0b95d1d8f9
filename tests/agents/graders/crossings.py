"""What tests do with an answer: (answer, test) that passes, by what crosses between them."""

from __future__ import annotations

CROSSINGS = {
    "a list changed in place": (
        """
from typing import List
def f(x: List[int]): x.sort()
""",
        """
a = [3, 1, 2]
assert f(a) is None
assert a == [1, 2, 3]
""",
    ),
    "a dict, by a keyword": (
        """
def f(d, *, k): d[k] = {(1, 2): {3}}; return d
""",
        """
d = {}
assert f(d, k='x') == {'x': {(1, 2): {3}}} == d
""",
    ),
    "an int of 6,000 digits": (
        """
def f(n): return 10 ** n
""",
        """
assert f(6000) == 10 ** 6000
""",
    ),
    "other plain types": (
        """
from decimal import Decimal
from datetime import date
def f():
    return [Decimal('1.10'), date(2024, 2, 29), b'\\0', 1j, range(3), float('inf')]
""",
        """
from decimal import Decimal
from datetime import date
assert f() == [Decimal('1.10'), date(2024, 2, 29), b'\\0', 1j, range(3), float('inf')]
""",
    ),
    "counters": (
        """
from collections import Counter, defaultdict
def f(s):
    d = defaultdict(int)
    d[s] += 1
    return Counter(s), d
""",
        """
a, b = f('aab')
assert a.most_common(1) == [('a', 2)] and b == {'aab': 1}
""",
    ),
    "a named tuple": (
        """
from collections import namedtuple
P = namedtuple('P', 'x y')
def f(): return P(1, 2)
""",
        """
p = f()
assert p == (1, 2) and p.x == 1 and list(p) == [1, 2] and p[1] == 2
""",
    ),
    "an object": (
        """
class Stack:
    def __init__(self): self.items = []
    def push(self, x): self.items.append(x)
    def __len__(self): return len(self.items)
""",
        """
s = Stack()
assert not s
s.push(1)
assert len(s) == 1 and isinstance(s, Stack)
assert s.items == [1]
s.items = []
assert len(s) == 0
""",
    ),
    "operators between the answer's objects": (
        """
class V:
    def __init__(self, x): self.x = x
    def __eq__(self, o): return self.x == o.x
    def __add__(self, o): return V(self.x + o.x)
    def __rmul__(self, n): return V(n * self.x)
""",
        """
assert V(1) + V(2) == V(3) and 3 * V(2) == V(6) and V(1) != V(2)
""",
    ),
    "an exception class": (
        """
class TooSmall(ValueError): pass
class MuchTooSmall(TooSmall): pass
def f(x): raise MuchTooSmall(f'{x} is too small')
""",
        """
try:
    f(1)
except TooSmall as error:
    assert str(error) == '1 is too small'
else:
    raise AssertionError
""",
    ),
    "an exception of Python's": (
        """
def f(x): return {}[x]
""",
        """
try:
    f(1)
except KeyError:
    pass
else:
    raise AssertionError
""",
    ),
    "a function passed in": (
        """
def f(g, xs): return [g(x) for x in xs]
""",
        """
seen = []
assert f(lambda x: seen.append(x) or x + 1, [1, 2]) == [2, 3]
assert seen == [1, 2]
""",
    ),
    "objects of the tests' own classes": (
        """
def depth(t): return 1 + max(depth(t.left), depth(t.right)) if t else 0
""",
        """
class T:
    def __init__(self, l=None, r=None): self.left, self.right = l, r
assert depth(T(T(), T(None, T()))) == 3
""",
    ),
    "a generator without end": (
        """
def f():
    n = 0
    while True:
        yield n
        n += 1
""",
        """
g = f()
assert [next(g) for _ in range(3)] == [0, 1, 2]
""",
    ),
    "a module that the answer imported": (
        """
import math
def f(): return math.pi
""",
        """
assert math.isclose(f(), 3.14159265, rel_tol=1e-6)
""",
    ),
    "a thread": (
        """
import threading
def f():
    out = []
    t = threading.Thread(target=out.append, args=(1,))
    t.start(); t.join()
    return out
""",
        """
assert f() == [1]
""",
    ),
    "a file in /tmp": (
        """
def f():
    open('/tmp/x', 'w').write('a')
    return open('/tmp/x').read()
""",
        """
assert f() == 'a'
""",
    ),
    "asyncio": (
        """
import asyncio
async def g(): return 1
def f(): return asyncio.run(g())
""",
        """
assert f() == 1
""",
    ),
}
