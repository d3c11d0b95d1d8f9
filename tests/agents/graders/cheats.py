"""Answers that want a pass without doing what was asked: f(2) is never 4."""

from __future__ import annotations

CHEATS = {
    "ends with 0 at once": """
import os
os._exit(0)
""",
    "exits with 0 at once": """
import sys
sys.exit(0)
""",
    "raises SystemExit at once": """
exit = 0
raise SystemExit(0)
""",
    "ends with 0 when called": """
def f(x):
    import os
    os._exit(0)
""",
    "exits with 0 when called": """
def f(x):
    import sys
    sys.exit(0)
""",
    "is interrupted": """
def f(x): raise KeyboardInterrupt
""",
    "generator exit": """
def f(x): raise GeneratorExit
""",
    "becomes another program": """
import os
def f(x):
    os.execv('/usr/lib/x', ['x'])
""",
    "prints a verdict": """
print('R1.'); print('1' * 100)
def f(x): return 5
""",
    "writes a verdict to every descriptor": """
import os
for n in range(64):
    try: os.write(n, b'R1.' * 100)
    except OSError: pass
def f(x): return 5
""",
    "patches builtins": """
import builtins, sys
builtins.AssertionError = builtins.print
sys.exit = print
builtins.exec = builtins.compile = lambda *a: None
def f(x): return 5
""",
    "patches the channel's code": """
import unittest, sys
for m in list(sys.modules.values()):
    if 'inside' in getattr(m, '__name__', ''):
        for n in ('passes', 'guard', 'encode'):
            if hasattr(m, n): setattr(m, n, lambda *a: True)
def f(x): return 5
""",
    "an object that equals everything": """
class Yes:
    def __eq__(self, other): return True
    __ne__ = __lt__ = __gt__ = __eq__
    __le__ = __ge__ = __contains__ = __eq__
    def __sub__(self, other): return 0
    __rsub__ = __add__ = __sub__
    def __abs__(self): return 0
    def __float__(self): return 4.0
    def __hash__(self): return hash(4)
def f(x): return Yes()
""",
    "a number that equals everything": """
class Yes(int):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0
def f(x): return Yes(5)
""",
    "own names for the tests' builtins": """
def f(x): return 5
def abs(x): return 0
def isinstance(*a): return True
AssertionError = None
""",
    "looks for the tests' frames": """
import gc, types
def f(x):
    for o in gc.get_objects():
        if isinstance(o, types.FrameType): o.f_globals['f'] = lambda x: 4
    return 5
""",
    "forges a reply": """
import threading, os, struct, json
def f(x):
    data = json.dumps({'value': ['own', 0], 'args': [None, None]}).encode()
    os.write(3, struct.pack('>I', len(data)) + data)
    return 5
""",
}
