"""Many visitors of one explorer at the same time: ``python -m tests.attacks.visitors [VISITORS]``.

Each asks over the loopback for a page, for what is drawn behind its paths and for its curve of step sizes, every other
one for a page of its own. Then as many pages as there are slow ones are asked for, and one that is quick.
"""

import json
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from tests import serving

SLOW = 5
"""How many pages are slow: they stop by the limit of a run that is not made in the page."""


def asked(url):
    """The answer, and the seconds that it took."""
    began = time.monotonic()
    with urllib.request.urlopen(url, timeout=120) as answer:
        return answer.read().decode(), time.monotonic() - began


def visit(address, k):
    """Everything that the browser of visitor k asks for; the seconds until its page was there, and until all was."""
    lr = 0.001 if k % 2 else round(0.001 * 1.02**k, 6)
    one = f"problem=gallery/himmelblau&method=gd:lr={lr}"
    page, first = asked(f"{address}?{one}&method=csawg&basins=1")
    assert page.rstrip().endswith("</html>")
    basins, second = asked(f"{address}basins?{one}&view={quote('-6,6;-6,6')}")
    assert len(json.loads(basins)["image"]) > 1000
    curve, third = asked(f"{address}sensitivity?{one}&start=0,0&budget=1000")
    assert len(json.loads(curve)["ends"]) == 60
    return first, first + second + third


def main(visitors):
    with serving.explorer() as (_, address), ThreadPoolExecutor(visitors) as pool:
        began = time.monotonic()
        pages, wholes = zip(*pool.map(lambda k: visit(address, k), range(visitors)), strict=True)
        print(f"{visitors} visitors: {time.monotonic() - began:.2f} s until all had everything")
        print(f"a page after {min(pages):.2f} to {max(pages):.2f} s, everything after {max(wholes):.2f} s")
        slow = [f"{address}?method=csawg:K={20 + k},P=2&method=adam%2Bsls:beta=0.999&budget=5000" for k in range(SLOW)]
        waiting = [pool.submit(asked, url) for url in slow]
        _, quick = asked(f"{address}?method=gd:lr=0.0017&budget=100")
        longest = max(one.result()[1] for one in waiting)
        print(f"beside {SLOW} slow pages a quick one took {quick:.2f} s, and they {longest:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
