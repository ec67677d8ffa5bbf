"""The guide for everybody: by keys alone, on narrow screens, and with a contrast that WCAG's level AA asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import browser
from tests.guard import rig, visitor

if TYPE_CHECKING:
    from tests.guard import fake_engine


def test_all_is_reached_by_keys_alone(visit: visitor.Visit, engine: fake_engine.Engine) -> None:
    engine.script = visitor.stream("a")
    reached = []
    for _ in range(40):
        visit.page.press("Tab", 9)
        reached.append(visit.page.run("document.activeElement.id || document.activeElement.textContent.slice(0, 4)"))
    assert {"key", "call", "prompt", "send", "answer", "curl"} <= set(reached)
    visit.page.run("key.focus()")
    visit.page.write("#key", rig.KEY)
    visit.page.press("Enter", 13, "\r")
    visit.said("tokens")
    visit.page.run("document.querySelector('#curl').focus()")
    visit.page.press("ArrowRight", 39)
    assert visit.page.run("document.activeElement.id") == "Python"
    visit.is_clean()


@pytest.mark.parametrize("screen", [browser.PHONE, browser.DESKTOP, browser.Screen(320, 600, 1, mobile=True)])
def test_nothing_is_wider_than_the_screen(visit: visitor.Visit, screen: browser.Screen) -> None:
    visit.page.show(screen)
    assert visit.page.run("document.documentElement.scrollWidth <= innerWidth && innerWidth") == screen.width


CONTRAST = """(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const paint = colour => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1) };
  const light = () => { const c = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * c[0] + .7152 * c[1] + .0722 * c[2] };
  const behind = e => e ? [...behind(e.parentElement), getComputedStyle(e).backgroundColor] : ['Canvas'];
  const found = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (!own || !e.getClientRects().length || e.closest('header,:disabled,option,script')) continue;
    canvas.clearRect(0, 0, 1, 1); behind(e).forEach(paint); const back = light();
    paint(getComputedStyle(e).color); const front = light();
    const ratio = (Math.max(back, front) + .05) / (Math.min(back, front) + .05);
    if (ratio < 4.5) found.push(e.tagName + ' ' + e.textContent.slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return found })()"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_its_ground(visit: visitor.Visit, dark: bool) -> None:
    visit.page.show(browser.DESKTOP, dark=dark)
    assert visit.page.run(CONTRAST) == []
