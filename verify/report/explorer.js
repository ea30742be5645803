// Positive terms alone, so that nothing cancels: erf(x) = 2/sqrt(pi) exp(-x^2) sum_k 2^k x^(2k+1) / (1 3 5 ... (2k+1)).
const erf = (x) => {
  if (Math.abs(x) > 6) return Math.sign(x);  // 1 - erf(6) < 3e-17, less than half a unit in the last place of 1
  let term = x, sum = x;
  for (let k = 1; Math.abs(term) > Math.abs(sum) * 1e-17; k++) {
    term *= 2 * x * x / (2 * k + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
};

// A number, or null where there is none: 0/0, a pole, a kink.
const finite = (value) => Number.isFinite(value) ? value : null;

// Where Y'' = 0 alpha has no pole: at the footprint 0 it is 0/0, elsewhere 0.
const poleAt = (sigma) => sigma === 0 ? null : finite(sigma);

const evaluate = ({head, unit, S, sigma, g, z, T}) => {
  const outer = FORMULAS.heads[head], constants = outer.constants.map((name) => ({T})[name]);
  const f = outer.f.map((derivative) => derivative(S, ...constants));
  const {kinks, d} = FORMULAS.units[unit];
  const [d1, d2, d3] = d.map((derivative) => derivative(z));
  const kinked = kinks.includes(z), off = !kinked && d1 === 0;
  const h = kinked || off ? null : finite(FORMULAS.second(d1, d2, g));
  const t = kinked || off ? null : finite(FORMULAS.third(d1, d3, g));
  const there = h !== null && t !== null;
  return {
    kinked, off, h, t, f,
    exact: there ? finite(FORMULAS.exact(...f, g, h, t, sigma)) : null,
    closed: finite(FORMULAS.closed(g, sigma)),
    exactPole: there ? poleAt(FORMULAS.exactPole(...f, g, h, t)) : null,
    closedPole: poleAt(FORMULAS.closedPole(g)),
  };
};

const byId = (id) => document.getElementById(id);
const NUMBERS = ["S", "sigma", "g", "z", "T"];
const PLOT = {left: 46, right: 626, top: 12, bottom: 288, low: -1, high: 1.5};
const FROM = Number(byId("sigma").min), TO = Number(byId("sigma").max);

const written = (value) => value === null ? "no value" : String(Number(value.toPrecision(6))).replace("-", "−");
const across = (sigma) => PLOT.left + (sigma - FROM) / (TO - FROM) * (PLOT.right - PLOT.left);
const up = (alpha) => PLOT.bottom - (alpha - PLOT.low) / (PLOT.high - PLOT.low) * (PLOT.bottom - PLOT.top);

// The curve over the footprint, broken where it leaves the figure, has no value or passes its pole.
const curve = (state, which) => {
  const found = evaluate(state), pole = found[`${which}Pole`], pieces = [];
  let pen = false, before = FROM;
  for (let k = 0; k <= 580; k++) {
    const sigma = FROM + k / 580 * (TO - FROM);
    if (pole !== null && before < pole && pole < sigma) pen = false;
    before = sigma;
    const alpha = which === "closed" ? finite(FORMULAS.closed(state.g, sigma))
      : found.h === null || found.t === null ? null
      : finite(FORMULAS.exact(...found.f, state.g, found.h, found.t, sigma));
    const seen = alpha !== null && alpha >= PLOT.low && alpha <= PLOT.high;
    if (seen) pieces.push(`${pen ? "L" : "M"}${across(sigma).toFixed(1)} ${up(alpha).toFixed(1)}`);
    pen = seen;
  }
  return pieces.join("");
};

const upright = (sigma) => sigma === null || sigma < FROM || sigma > TO ? ""
  : `M${across(sigma).toFixed(1)} ${PLOT.top}V${PLOT.bottom}`;

const told = (state, found) => {
  if (found.kinked) return "The unit stands on a kink: the derivatives of (10) do not exist there.";
  if (found.off) return "The unit is switched off: its slope is 0, so the gradient can only be 0, and alpha is 0/0.";
  if (found.exact === null) return "Alpha as (10) defines it has no value here: 0/0 or a pole.";
  if (found.closed === null) return `The closed form has no value here; alpha is ${written(found.exact)}.`;
  const apart = Math.abs(found.exact - found.closed);
  return apart < 5e-10 ? `Closed form and alpha agree to nine decimals: ${written(found.exact)}.`
    : `Alpha is ${written(found.exact)}, the closed form says ${written(found.closed)}: off by ${written(apart)}.`;
};

const read = () => {
  const state = {head: byId("head").value, unit: byId("unit").value};
  for (const name of NUMBERS) state[name] = Number(byId(name).value);
  return state;
};

const valid = (number) => number.value !== "" && number.checkValidity();

const SAID = ["h", "t", "exact", "closed", "exactPole", "closedPole"];
const DRAWN = ["exact", "closed", "exact-pole", "closed-pole", "here"];

// Nothing stays that was computed for other settings than those that are to be seen.
const refuse = ({id, min, max}) => {
  for (const name of SAID) byId(`is-${name}`).textContent = "";
  for (const name of DRAWN) byId(`draw-${name}`).setAttribute("d", "");
  byId("result").textContent = byId("figure-says").textContent =
    `${id} has to be a number from ${written(Number(min))} to ${written(Number(max))}.`;
};

const show = () => {
  const state = read();
  byId("row-T").hidden = !FORMULAS.heads[state.head].constants.includes("T");
  const odd = NUMBERS.find((name) => !byId(`row-${name}`).hidden && !valid(byId(name)));
  if (odd) return refuse(byId(odd));
  const found = evaluate(state);
  for (const name of SAID) byId(`is-${name}`).textContent = written(found[name]);
  byId("draw-exact").setAttribute("d", curve(state, "exact"));
  byId("draw-closed").setAttribute("d", curve(state, "closed"));
  byId("draw-exact-pole").setAttribute("d", upright(found.exactPole));
  byId("draw-closed-pole").setAttribute("d", upright(found.closedPole));
  byId("draw-here").setAttribute("d", upright(state.sigma));
  const result = told(state, found);
  byId("result").textContent = result;
  byId("figure-says").textContent = `Alpha over the footprint from ${written(FROM)} to ${written(TO)}. At ` +
    `${written(state.sigma)}: ${result} Pole of alpha at ${written(found.exactPole)}, ` +
    `of the closed form at ${written(found.closedPole)}.`;
};

for (const name of NUMBERS) {
  const number = byId(name), range = byId(`range-${name}`);
  const take = (from, to) => () => {
    if (valid(from)) to.value = from.value;
    show();
  };
  number.addEventListener("input", take(number, range));
  range.addEventListener("input", take(range, number));
}
for (const name of ["head", "unit"]) byId(name).addEventListener("input", show);

// #head=sigmoid&S=3 starts there; #points=[{...}, ...] answers a list of settings, so that the figures can be checked.
const start = () => {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of asked) {
    const known = ["head", "unit"].includes(name) && [...byId(name).options].some((each) => each.value === value);
    if (known || NUMBERS.includes(name)) byId(name).value = value;
    if (NUMBERS.includes(name)) byId(`range-${name}`).value = value;
  }
  if (asked.has("points")) {
    byId("answers").textContent = JSON.stringify(JSON.parse(asked.get("points")).map(evaluate));
  }
  show();
};
addEventListener("hashchange", start);
start();
