"use strict";
// All that the page shows stands in its address.  A change makes a new address; the server answers with the picture.

const $ = (id) => document.getElementById(id);
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const figures = (value) => String(Number(value.toPrecision(3)));

let state = null; // as the server last spelt it, with what was changed since
let controls = null; // what the controls are made from
let wanted = null; // the address to be shown next; of many that come meanwhile only the last is asked for
let busy = false;
let refused = ""; // why the address that was opened is not shown

// ------------------------------------------------------------------------------------------------------ the address

function address() {
  const query = new URLSearchParams({ scenario: state.scenario });
  for (const [parameter, value] of Object.entries(state.changes)) query.append("set", `${parameter}=${value}`);
  for (const event of state.events) query.append("event", event);
  for (const name of ["view", "layer", "firm", "measure", "seeds", "seed"]) query.append(name, state[name]);
  if (state.months !== state.horizon) query.append("months", state.months);
  if (state.view !== "time") query.append("year", state.year);
  if (state.plain) query.append("arm", "without");
  return query.toString();
}

// A reader who moves on does not wait for what came before: `settle` is true where a step should be kept to go back to.
function show(query, settle = true) {
  wanted = { query, settle: settle || (wanted !== null && wanted.settle) };
  if (!busy) answer();
}

const change = (what, settle = true) => {
  Object.assign(state, what);
  sync();
  show(address(), settle);
};

async function answer() {
  busy = true;
  while (wanted !== null) {
    const { query, settle } = wanted;
    wanted = null;
    const dimmed = setTimeout(() => $("frame").classList.add("busy"), 250);
    try {
      const width = Math.round($("frame").clientWidth);
      const response = await fetch(`/view?${query}&width=${width}`);
      const told = await response.json();
      if (!response.ok) $("problem").textContent = told.problem;
      else apply(told, settle);
    } catch {
      $("problem").textContent = "The server does not answer: it may have been ended. Start moatlab dash again.";
    }
    clearTimeout(dimmed);
    $("frame").classList.remove("busy");
  }
  busy = false;
}

function apply(told, settle) {
  $("problem").textContent = refused;
  refused = "";
  $("heading").textContent = told.heading.replaceAll(" %", "\u00a0%");
  $("note").textContent = told.note;
  const old = $("picture").src;
  $("picture").src = URL.createObjectURL(new Blob([told.picture], { type: "image/svg+xml" }));
  $("picture").alt = `${told.heading}. ${told.note}`;
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
  $("command").value = told.command;
  $("toml").href = `/scenario.toml?${told.query}`;
  $("csv").href = `/numbers.csv?${told.query}`;
  $("png").href = `/picture.png?${told.query}`;
  const place = `/?${told.query}`;
  if (place !== location.pathname + location.search) history[settle ? "pushState" : "replaceState"](null, "", place);
  // Further changes may be under way; then the controls are ahead of this answer.
  if (wanted === null) {
    state = told.state;
    sync();
  }
}

// ------------------------------------------------------------------------------------------------------ the controls

function options(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, label, title]) => make("option", { value, textContent: label, title: title || "" })));
  select.value = chosen;
}

const measures = () => controls.measures[state.layer][state.firm === "" ? "whole" : "firm"] || controls.measures[state.layer].whole;

function sync() {
  const changed = Object.keys(state.changes).length + state.events.length > 0;
  $("status").textContent = changed ? `changed from ${state.scenario}` : `${state.scenario} as it is`;
  $("status").className = changed ? "changed" : "";
  $("reset").disabled = !changed;
  $("preset").value = state.scenario;
  for (const tab of $("tabs").children) tab.setAttribute("aria-pressed", tab.dataset.view === state.view);
  $("over-time").hidden = state.view !== "time";
  $("in-a-year").hidden = state.view === "time";
  $("frame").className = state.view === "time" ? "" : "sheet";
  options($("layer"), controls.layers, state.layer);
  options($("firm"), controls.firms[state.layer], state.firm);
  $("firm").disabled = controls.firms[state.layer].length < 2;
  options($("measure"), measures(), state.measure);
  $("meaning").textContent = (measures().find(([name]) => name === state.measure) || ["", "", ""])[2];
  [$("year").min, $("year").max] = controls.years;
  $("year").value = state.year;
  $("year-told").textContent = state.year;
  $("plain").checked = state.plain;
  $("plain").parentElement.hidden = !changed;
  for (const box of $("sliders").children) box.sync();
  for (const button of $("buttons").children) button.setAttribute("aria-pressed", state.events.some((e) => same(e, button.event)));
  listEvents();
}

function nearest(levels, value) {
  return levels.reduce((best, level, at) => (Math.abs(level - value) < Math.abs(levels[best] - value) ? at : best), 0);
}

// One way back for a drag, however many values it passes.
function dragged(range, pick) {
  let moving = false;
  range.addEventListener("input", () => {
    pick(!moving);
    moving = true;
  });
  range.addEventListener("change", () => (moving = false));
}

function slider(of) {
  const range = make("input", { type: "range", min: 0, max: of.levels.length - 1, step: 1 });
  range.setAttribute("aria-label", of.address);
  const output = make("output");
  const back = make("button", { type: "button", className: "back", textContent: "↺", title: `back to ${figures(of.value)}` });
  back.setAttribute("aria-label", `reset ${of.address}`);
  const box = make("div", { className: "slider", title: of.address },
    make("div", { className: "top" }, make("span", { className: "name", textContent: of.label }),
      make("span", { className: "of", textContent: of.of }), output, back),
    make("div", { className: "meaning", textContent: of.meaning }), range,
    make("div", { className: "range" }, make("span", { textContent: figures(of.low) }),
      make("span", { className: "unit", textContent: of.unit }), make("span", { textContent: figures(of.high) })));
  const pick = (settle) => {
    const changes = { ...state.changes };
    const level = of.levels[Number(range.value)];
    if (level === of.value && !of.differs) delete changes[of.address];
    else changes[of.address] = String(level);
    change({ changes }, settle);
  };
  dragged(range, pick);
  back.addEventListener("click", () => {
    const changes = { ...state.changes };
    delete changes[of.address];
    change({ changes });
  });
  box.sync = () => {
    const given = state.changes[of.address];
    const value = given === undefined ? of.value : Number(given);
    range.value = nearest(of.levels, value);
    range.setAttribute("aria-valuetext", `${figures(value)} ${of.unit}`);
    output.textContent = given === undefined && of.differs ? "various" : figures(value);
    box.classList.toggle("changed", given !== undefined);
  };
  return box;
}

const parts = (event) => {
  const at = event.indexOf(": ");
  return [event.slice(0, at), event.slice(at + 2)];
};
const same = (event, text) => parts(event)[1] === text;

function eventButton(of) {
  const button = make("button", { type: "button", textContent: of.label, title: `${of.month}: ${of.text}` });
  button.event = of.text;
  button.addEventListener("click", () => {
    const there = state.events.some((event) => same(event, of.text));
    const events = there ? state.events.filter((event) => !same(event, of.text)) : [...state.events, `${of.month}: ${of.text}`];
    change({ events });
  });
  return button;
}

function listEvents() {
  if ($("events").contains(document.activeElement)) return;
  $("events").replaceChildren(...state.events.map((event, place) => {
    const [when, what] = parts(event);
    const known = controls.buttons.find((button) => button.text === what);
    const month = /^\d{4}-\d{2}$/.test(when) && make("input", { type: "month", value: when, min: controls.start, max: controls.end });
    const gone = make("button", { type: "button", textContent: "×", title: "remove" });
    gone.setAttribute("aria-label", `remove ${event}`);
    gone.addEventListener("click", () => change({ events: state.events.filter((_, other) => other !== place) }));
    if (month) {
      month.setAttribute("aria-label", `month of ${what}`);
      month.addEventListener("change", () => {
        month.blur();
        if (month.value) change({ events: state.events.map((each, other) => (other === place ? `${month.value}: ${what}` : each)) });
      });
    }
    return make("li", { title: event }, ...(month ? [month] : []), make("span", { textContent: known ? known.label : month ? what : event }), gone);
  }));
}

// ------------------------------------------------------------------------------------------------------ the page

async function open(query) {
  const response = await fetch(`/controls?${query}`);
  const told = await response.json();
  if (!response.ok) {
    // What can be shown instead says why the rest cannot.
    refused = told.problem;
    if (query) return open("");
    $("problem").textContent = refused;
    return undefined;
  }
  controls = told;
  state = told.state;
  options($("preset"), told.presets.map((name) => [name, name]), told.preset);
  $("title").textContent = told.title;
  $("sliders").replaceChildren(...told.sliders.map(slider));
  $("buttons").replaceChildren(...told.buttons.map(eventButton));
  $("parameters").replaceChildren(...told.parameters.map((value) => make("option", { value })));
  sync();
  return show(address(), false);
}

$("preset").addEventListener("change", () => open(new URLSearchParams({ scenario: $("preset").value }).toString()));
$("reset").addEventListener("click", () => change({ changes: {}, events: [], plain: false }));
$("tabs").addEventListener("click", (event) => event.target.dataset.view && change({ view: event.target.dataset.view }));
$("layer").addEventListener("change", () => change({ layer: $("layer").value, firm: "", measure: "" }));
$("firm").addEventListener("change", () => {
  const whole = state.firm === "";
  const firm = $("firm").value;
  change({ firm, measure: whole === (firm === "") ? state.measure : "" });
});
$("measure").addEventListener("change", () => change({ measure: $("measure").value }));
dragged($("year"), (settle) => change({ year: Number($("year").value) }, settle));
$("plain").addEventListener("change", () => change({ plain: $("plain").checked }));
$("own").addEventListener("submit", (event) => {
  event.preventDefault();
  if ($("event").value.trim()) change({ events: [...state.events, $("event").value.trim()] });
  $("event").value = "";
});
$("further").addEventListener("submit", async (event) => {
  event.preventDefault();
  const parameter = $("parameter").value.trim();
  const response = await fetch(`/slider?${new URLSearchParams({ scenario: state.scenario, parameter })}`);
  const told = await response.json();
  if (!response.ok) {
    $("problem").textContent = told.problem;
    return;
  }
  $("problem").textContent = "";
  $("parameter").value = "";
  $("sliders").append(...told.sliders.map(slider));
  sync();
});
$("copy").addEventListener("click", async () => {
  $("command").select();
  try {
    await navigator.clipboard.writeText($("command").value);
  } catch {
    document.execCommand("copy");
  }
  $("copy").textContent = "Copied";
  setTimeout(() => ($("copy").textContent = "Copy as command"), 1500);
});
addEventListener("popstate", () => open(location.search.slice(1)));
let resized = 0;
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  clearTimeout(resized);
  resized = setTimeout(() => show(address(), false), 300);
});
open(location.search.slice(1));
