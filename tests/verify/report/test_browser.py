"""The site in a real browser, Chromium without a window, from file:// and without a network."""

import dataclasses
import functools
import html
import itertools
import json
import math
import random
import re
import shutil
import subprocess
from urllib.parse import quote

import mpmath
import pytest
from flint import arb
from sympy import lambdify

from derivation.claims import LIBRARY
from derivation.hypotheses import curvature, outer, slope, third
from derivation.notation import u
from verify.arithmetic.ball import precision
from verify.catalogue.activations import ACTIVATIONS
from verify.report import audit, explorer, templates

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: the pages are not opened")
QUIET = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--enable-logging=stderr", "--v=0", "--window-size=1200,900"),
]
SCHEMES = {"light": "--blink-settings=preferredColorScheme=1", "dark": "--blink-settings=preferredColorScheme=0"}
PAGES = ("index", "post", "maps", "explorer", "peers", "checks", "notebook-1_the_identity")

# What it finds is written into the page, which is then dumped: errors, refused requests, formulas and pictures of no
# size, a page that is wider than the window, and text with less contrast than 4.5 on what is really behind it.
PROBE = """
const found = [];
addEventListener("error", (event) => found.push(`error: ${event.message || event.target.tagName}`), true);
addEventListener("securitypolicyviolation", (event) => found.push(`refused: ${event.blockedURI}`));
const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
const luminance = (colour) => {
  const [r, g, b] = channels(colour).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = getComputedStyle(each).backgroundColor;
    if (channels(colour)[3] !== 0) return colour;
  }
  return "rgb(255, 255, 255)";
};
addEventListener("load", () => {
  let texts = 0, formulas = 0;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !element.checkVisibility() || element.closest("script, style, svg")) continue;
    texts++;
    const [low, high] = [getComputedStyle(element).color, ground(element)].map(luminance).sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(2)}: ${walk.currentNode.data.trim().slice(0, 40)}`);
  }
  for (const each of document.querySelectorAll("math")) {
    if (!each.checkVisibility()) continue;
    formulas++;
    const {width, height} = each.getBoundingClientRect();
    if (width < 3 || height < 5) found.push(`a formula of no size: ${each.textContent}`);
  }
  for (const each of document.images) if (!each.complete || !each.naturalWidth) found.push(`no picture: ${each.alt}`);
  if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the window");
  const told = document.createElement("pre");
  told.id = "probe";
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const figures = [...document.querySelectorAll(".wide > img, .wide > .plot")];
  const drawn = (each) => each.viewBox ? each.viewBox.baseVal.width : Number(each.getAttribute("width"));
  const scale = Math.min(1, ...figures.map((each) => each.getBoundingClientRect().width / drawn(each)));
  told.textContent = JSON.stringify({found, texts, formulas, dark, scale});
  document.body.append(told);
});
"""


def opened(path, profile, *options, fragment=""):
    """Return the DOM of a page after it has loaded, and what its console said."""
    ran = subprocess.run(
        [CHROMIUM, *QUIET, *options, f"--user-data-dir={profile}", "--dump-dom", path.as_uri() + fragment],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "<body" in ran.stdout, ran.stderr[-1000:]
    return ran.stdout, re.findall(r"CONSOLE[^\"]*(\".*)", ran.stderr)


def probed(text, folder, profile, scheme="light", *options):
    """Return what the probe finds on a page, beside its own program and under its own policy otherwise."""
    policy = re.search(r"default-src 'none';[^\"]*", text)[0]
    wider = f"{policy} 'nonce-probe'" if "script-src" in policy else f"{policy}; script-src 'nonce-probe'"
    text = text.replace(policy, wider).replace("<title>", f'<script nonce="probe">{PROBE}</script><title>', 1)
    path = folder / "probed.html"
    path.write_text(text)
    dom, _ = opened(path, profile, SCHEMES[scheme], *options)
    return json.loads(html.unescape(re.search(r'<pre id="probe">(.*?)</pre>', dom, flags=re.DOTALL)[1]))


@pytest.fixture(scope="session")
def profile(tmp_path_factory):
    return tmp_path_factory.mktemp("chromium")


def test_the_pages_are_those_that_are_tried_here(folder):
    assert {path.stem for path in folder.glob("*.html") if not path.stem.startswith("notebook-")} < set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_from_a_file_and_its_console_stays_empty(name, folder, profile):
    dom, console = opened(folder / f"{name}.html", profile)
    assert console == []
    assert dom.count("<h1") == 1


def test_what_the_explorer_makes_of_its_page_has_no_fault(folder, profile):
    dom, _ = opened(folder / "explorer.html", profile)
    site_ = {path.name: path.read_text("utf-8") for path in folder.glob("*.html")}
    assert dom != site_["explorer.html"]
    assert audit.faults({**site_, "explorer.html": dom}) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_set_and_can_be_read_in_both_schemes(name, scheme, folder, profile, tmp_path):
    text = (folder / f"{name}.html").read_text("utf-8")
    told = probed(text, tmp_path, profile, scheme)
    assert told["found"] == []
    assert told["dark"] == (scheme == "dark")
    assert told["texts"] > 10
    assert told["formulas"] > 0 or "<math" not in text


@pytest.mark.parametrize("name", ["index", "post", "explorer", "maps", "notebook-5_what_the_libraries_compute"])
def test_a_page_fits_a_narrow_window(name, folder, profile, tmp_path):
    told = probed((folder / f"{name}.html").read_text("utf-8"), tmp_path, profile, "light", "--window-size=520,900")
    assert told["found"] == []
    assert told["scale"] > 0.8  # else nobody reads the letters in a figure


# The narrower of A4 and letter paper, in pixels, and what stands on paper turned the other way.
PAPER = [
    ("notebook-1_the_identity", 703, "#gone"),
    ("index", 703, "#faulty"),
    ("index", 965, "main > :not(#faulty)"),
    ("post", 965, "#gone"),
]


def printed(text, left_out):
    """Return a page as it would be on paper that is as wide as the window."""
    hidden = f"<style>{left_out} {{ display: none !important; }}</style>"
    return text.replace("@media print", "@media screen").replace("<title>", f"{hidden}<title>", 1)


@pytest.mark.parametrize(("name", "width", "left_out"), PAPER)
def test_nothing_is_cut_off_on_paper(name, width, left_out, folder, profile, tmp_path):
    text = printed((folder / f"{name}.html").read_text("utf-8"), left_out)
    told = probed(text, tmp_path, profile, "light", f"--window-size={width},900")
    assert told["found"] == []
    assert told["texts"] > 10


def test_a_long_formula_with_letters_of_the_usual_size_is_found_to_be_cut_off(folder, profile, tmp_path):
    text = printed((folder / "index.html").read_text("utf-8"), "#faulty")
    assert "100cqi / var(--ems, 1)" in text
    wide = text.replace("100cqi / var(--ems, 1)", "1em")
    assert "wider than the window" in probed(wide, tmp_path, profile, "light", "--window-size=703,900")["found"]


@pytest.mark.parametrize(
    ("planted", "says"),
    [
        ('<p style="color: #999">pale</p>', "contrast 2.8"),
        ('<img alt="gone" src="data:image/png;base64,AAAA">', "no picture: gone"),
        ('<img alt="far" src="https://localhost/x.png">', "refused: https://localhost/x.png"),
        ("<math></math>", "a formula of no size"),
        ('<div style="width: 3000px">wide</div>', "wider than the window"),
    ],
)
def test_the_probe_finds_what_is_planted(planted, says, folder, profile, tmp_path):
    text = (folder / "peers.html").read_text("utf-8").replace("</main>", f"{planted}</main>")
    assert any(says in fault for fault in probed(text, tmp_path, profile)["found"])


def test_an_error_in_the_program_is_seen_on_the_console(folder, profile, tmp_path):
    text = (folder / "explorer.html").read_text("utf-8").replace("start();\n</script>", "begin();\n</script>")
    path = tmp_path / "explorer.html"
    path.write_text(text)
    _, console = opened(path, profile)  # the policy refuses a program that is not the page's own
    assert "Content Security Policy" in console[0]


# The explorer's numbers.

HEADS = {head.name: head.outer for head in explorer.HEADS}
UNITS = {each.name: each for each in ACTIVATIONS}
DIGITS = 40
# What doubles may lose in one operation: half a unit in + - * / and sqrt, one in exp and its kin, and less than 2^7 in
# erf, a sum of at most 120 positive terms. At this precision a ball grows by more than that at each of them.
BITS = 53 - 8
MPMATH = {"Max": max, "Min": min}
BALLS = {
    **{name: (lambda value, name=name: getattr(arb(value), name)()) for name in ("exp", "cosh", "tanh", "sqrt", "erf")},
    "pi": None,
}


def drawn(count, seed=0):
    """Draw settings on a grid of binary fractions; every outer function comes with every activation in its turn."""
    rng = random.Random(seed)
    pairs = list(itertools.product(HEADS, UNITS))
    rng.shuffle(pairs)
    for head, unit in itertools.islice(itertools.cycle(pairs), count):
        numbers = {"S": (-64, 64), "sigma": (-80, 320), "g": (-32, 32), "z": (-32, 48)}
        point = {name: (rng.randint(*ends) * 2 + 1) / 16 for name, ends in numbers.items()}
        yield {"head": head, "unit": unit, **point, "T": rng.choice([0.5, 1.0, 2.0, 4.0])}


@functools.cache
def function(expression, letters, kind):
    return lambdify(letters, expression, modules=[MPMATH, "mpmath"] if kind == "digits" else [BALLS])


def outer_at(point):
    expression = HEADS[point["head"]]
    letters = (u, *sorted(expression.free_symbols - {u}, key=str))
    return function(expression, letters, "digits"), [mpmath.mpf(point["T"])][: len(letters) - 1]


def truth(point):
    """Return h, t, alpha and the closed form to many digits, f(S(x)) itself differentiated; None: no value."""
    with mpmath.workdps(DIGITS):
        S, sigma, g, z = (mpmath.mpf(point[name]) for name in ("S", "sigma", "g", "z"))
        unit = function(UNITS[point["unit"]].expression(u), (u,), "digits")
        _, first, second, third_ = mpmath.taylor(unit, z, 3)
        if abs(first) < mpmath.mpf(10) ** -20:
            return None
        h, t = g * 2 * second / first, g * 6 * third_ / first
        head, constants = outer_at(point)
        tower = mpmath.taylor(lambda x: head(S + g * x + h * x**2 / 2 + t * x**3 / 6, *constants), 0, 3)
        Y2, Y3 = 2 * mpmath.re(tower[2]), 6 * mpmath.re(tower[3])
        below = 2 * Y2 + sigma * Y3
        alpha = Y2 / below if abs(below) > mpmath.mpf(10) ** -20 else None
        return {"h": h, "t": t, "exact": alpha, "closed": 1 / (2 + sigma * g)}


@functools.cache
def page_formulas():
    return explorer.weights(), explorer.heads(), explorer.units()


def enclosed(point):
    """Return balls that a computation in doubles by the page's formulas stays in."""
    weights, heads, units = page_formulas()
    letters = heads[point["head"]][0].letters
    with precision(BITS):
        at = {name: arb(point[name]) for name in ("S", "sigma", "g", "z", "T")}
        f = [run(each, at["S"], *([at["T"]] if len(letters) > 1 else [])) for each in heads[point["head"]]]
        d = [run(each, at["z"]) for each in units[point["unit"]]]
        h, t = run(weights["second"], d[0], d[1], at["g"]), run(weights["third"], d[0], d[2], at["g"])
        return {
            "h": h,
            "t": t,
            "exact": run(weights["exact"], *f, at["g"], h, t, at["sigma"]),
            "closed": run(weights["closed"], at["g"], at["sigma"]),
        }


def run(formula, *values):
    BALLS["pi"] = arb.pi()
    return arb(function(formula.expression, formula.letters, "balls")(*values))


@functools.cache
def cases(count=120):
    """Return settings, what is true there, and the balls of a computation in doubles."""
    points = list(drawn(count))
    exact = [truth(point) for point in points]
    return points, [each and (each, enclosed(point)) for point, each in zip(points, exact, strict=True)]


def answers(path, points, profile):
    dom, console = opened(path, profile, fragment=f"#points={quote(json.dumps(points))}")
    assert console == []
    found = json.loads(html.unescape(re.search(r'<pre id="answers" hidden="">(.*?)</pre>', dom, flags=re.DOTALL)[1]))
    assert len(found) == len(points)
    return found


def compared(found):
    """Return how many numbers were compared, and which are farther from the truth than rounding can take them."""
    count, wrong = 0, []
    for point, known, said in zip(*cases(), found, strict=True):
        if known is None:
            assert said["off"] and said["exact"] is None
            continue
        exact, balls = known
        for name, value in exact.items():
            if value is None:
                assert said[name] is None, point
                continue
            radius = float(balls[name].rad())
            if not radius < 1e-6 * max(1.0, abs(float(value))):
                continue  # beside a pole: nothing is known about what doubles make of it
            count += 1
            if said[name] is None or abs(mpmath.mpf(said[name]) - value) > 2 * radius:
                wrong.append((point, name, said[name], float(value), radius))
    return count, wrong


def test_the_explorer_computes_what_python_does(folder, profile):
    count, wrong = compared(answers(folder / "explorer.html", cases()[0], profile))
    assert wrong == []
    assert count > 300


def test_a_wrong_formula_in_the_explorer_is_found(profile, tmp_path):
    claim = LIBRARY["third-derivative"]
    slip = outer(3) * slope**3 + 2 * outer(2) * slope * curvature + outer(1) * third
    page = explorer.render(templates.environment(), {**LIBRARY, claim.name: dataclasses.replace(claim, rhs=slip)})
    path = tmp_path / "explorer.html"
    path.write_text(page)
    _, wrong = compared(answers(path, cases()[0], profile))
    assert len(wrong) > 10
    assert {name for _, name, *_ in wrong} == {"exact"}


@pytest.mark.parametrize(
    ("point", "says"),
    [
        ({"unit": "relu", "z": 0}, "The unit stands on a kink"),
        ({"unit": "relu", "z": -1}, "The unit is switched off"),
        ({"head": "identity"}, "0/0 or a pole"),
        ({"head": "exp", "g": -0.5, "sigma": 4}, "0/0 or a pole"),
        ({"head": "exp", "g": 0.5, "sigma": 4}, "Closed form and alpha agree to nine decimals: 0.25."),
        ({"head": "sigmoid", "S": 0, "g": 0.5, "sigma": 4}, "Alpha is 0, the closed form says 0.25: off by 0.25."),
        ({"head": "power-2", "S": 0, "g": 0.5, "sigma": 4}, "Alpha is 0.5, the closed form says 0.25"),
        ({"head": "nobody", "unit": "none", "g": 0.5, "sigma": 4}, "Closed form and alpha agree"),
        ({"S": 20}, "S has to be a number from −8 to 8."),
        ({"head": "exp", "T": 90}, "Closed form and alpha agree"),
    ],
)
def test_the_explorer_says_in_words_what_it_shows(point, says, folder, profile):
    hash_ = "#" + "&".join(f"{name}={value}" for name, value in point.items())
    dom, console = opened(folder / "explorer.html", profile, fragment=hash_)
    assert console == []
    result = re.search(r'id="result"[^>]*>(.*?)</p>', dom)[1]
    assert says in result
    assert result in re.search(r'id="figure-says">(.*?)</span>', dom)[1]


def test_beside_a_number_that_is_refused_nothing_computed_for_another_one_stays(folder, profile, tmp_path):
    """Ten thousand is typed, then another slider is moved."""
    typed = (
        'const type = (id, value) => { byId(id).value = value; byId(id).dispatchEvent(new Event("input")); };\n'
        'type("S", "10000"); type("range-g", "1");'
    )
    text = (folder / "explorer.html").read_text("utf-8")
    path = tmp_path / "typed.html"
    path.write_text(
        re.sub("script-src '[^']*'", "script-src 'unsafe-inline'", text).replace(
            "start();\n</script>", f"start();\n{typed}\n</script>"
        )
    )
    dom, console = opened(path, profile)
    assert console == []
    assert re.search(r'id="result"[^>]*>S has to be a number from −8 to 8\.</p>', dom)
    assert re.search(r'id="is-closed"></td>', dom) and re.search(r'id="draw-closed" d=""', dom)


def test_no_curve_is_drawn_across_its_pole_however_steep_it_is(folder, profile):
    """Under a sigmoid near its inflection 1/alpha is 2 + 80 sigma: alpha goes from 1/2 to -1/5 between two points."""
    dom, _ = opened(folder / "explorer.html", profile, fragment="#head=sigmoid&S=0.05&g=4")
    (pole,) = re.findall(r'id="draw-exact-pole" d="M([\d.]+) ', dom)
    pieces = re.findall(r"M([^M]+)", re.search(r'id="draw-exact" d="([^"]+)"', dom)[1])
    assert len(pieces) == 2
    for piece in pieces:
        across = [float(point.split()[0]) for point in piece.split("L")]
        assert not min(across) < float(pole) < max(across)


def test_alpha_has_no_pole_where_the_second_derivative_is_zero(folder, profile):
    """Under a sigmoid at S = 0: 0/0 at the footprint 0, and 0 at every other."""
    dom, _ = opened(folder / "explorer.html", profile, fragment="#head=sigmoid&S=0&g=0.5&sigma=4")
    assert re.search(r'id="is-exactPole">no value</td>', dom) and re.search(r'id="draw-exact-pole" d=""', dom)
    assert re.search(r'id="is-closedPole">−4</td>', dom)


def test_a_page_without_a_curve_draws_none_and_one_with_a_pole_draws_it(folder, profile):
    dom, _ = opened(folder / "explorer.html", profile, fragment="#head=identity")
    assert re.search(r'id="draw-exact" d=""', dom)
    dom, _ = opened(folder / "explorer.html", profile, fragment="#head=exp&g=-0.5")
    assert re.search(r'id="draw-closed-pole" d="M208.4 12V288"', dom)
    assert math.isclose(208.4, 46 + (4 + 10) / 50 * 580)
