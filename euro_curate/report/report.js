"use strict";
// Theme, sortable tables, the measures' histograms and the reader of sampled pages. Strings from the crawl become text nodes, never markup.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== null) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
function shape(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}
const count = (n) => Math.round(n).toLocaleString("en-GB");
const figure = (x) => (Number.isInteger(x) ? count(x) : Math.abs(x) >= 100 ? count(x) : String(Number(x.toPrecision(3))));
const languageName = (code) => (data.languages[code] || [{ other: "other or none", und: "none found" }[code] || code])[0];
const familyOf = (verdict) => verdict.split(":")[0];
const familyName = (name) => (data.families[name] || [name])[0];

// --- theme -------------------------------------------------------------------------------------------------------------------

const THEMES = ["auto", "light", "dark"];
function remembered() { try { return localStorage.getItem("euro-curate-theme"); } catch { return null; } }  // file:// may have no storage
function setTheme(name) {
  if (name === "auto") delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = name;
  $("theme").textContent = `Theme: ${name}`;
  $("theme").dataset.now = name;
  try { localStorage.setItem("euro-curate-theme", name); } catch { /* for this visit only */ }
}
setTheme(THEMES.includes(remembered()) ? remembered() : "auto");
$("theme").addEventListener("click", () => setTheme(THEMES[(THEMES.indexOf($("theme").dataset.now) + 1) % THEMES.length]));

// --- contents: where we are ------------------------------------------------------------------------------------------------

const links = new Map([...document.querySelectorAll(".contents a")].map((a) => [a.getAttribute("href").slice(1), a]));
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) {
    for (const a of links.values()) a.removeAttribute("aria-current");
    const here = links.get(entry.target.id);
    here.setAttribute("aria-current", "true");
    here.closest("ul").scrollTo({ left: here.offsetLeft - 120 });
  }
}, { rootMargin: "-15% 0px -75% 0px" });
for (const id of links.keys()) watcher.observe($(id));

// --- tables sort by any column -----------------------------------------------------------------------------------------------

const amount = (cell) => {
  const found = cell.textContent.replace(/[,\s]/g, "").replace("−", "-").match(/[-+]?\d*\.?\d+/);
  return found ? Number(found[0]) : cell.textContent.trim() === "·" ? 0 : NaN;
};
for (const button of document.querySelectorAll("thead button")) button.addEventListener("click", () => {
  const head = button.closest("th"), at = head.cellIndex, body = head.closest("table").tBodies[0];
  const words = head.classList.contains("left");
  const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : !words;
  const rows = [...body.rows].sort((a, b) => {
    const [x, y] = [a.cells[at], b.cells[at]];
    const order = words ? x.textContent.localeCompare(y.textContent, "en") : (amount(x) || 0) - (amount(y) || 0);
    return down ? -order : order;
  });
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...rows);
});

// --- measures ----------------------------------------------------------------------------------------------------------------

function plot(name, code, title) {
  const measure = data.measures[name], here = measure.languages[code];
  const bars = 40, [passed, dropped] = here.bars.map((side) => Array.from({ length: bars }, (_, i) => side[i] || 0));
  const zero = 64, step = Math.min(60 / Math.sqrt(Math.max(...passed, 1)), 33 / Math.sqrt(Math.max(...dropped, 1)));
  const drawing = shape("svg", { class: "plot", viewBox: "0 0 400 100", preserveAspectRatio: "none", role: "img" });
  const told = [], broken = [];
  for (const rule of measure.rules) if (rule.at[code]) {
    const [limit, at] = rule.at[code], x = 400 * at;
    drawing.append(shape("rect", { class: "broken", x: rule.low ? 0 : x, y: 0, width: rule.low ? x : 400 - x, height: 100 }));
    drawing.append(shape("line", { class: "limit", x1: x, x2: x, y1: 0, y2: 100 }));
    told.push(`${rule.low ? "at least" : "at most"} ${figure(limit)}`);
    const beyond = passed.map((n, i) => n + dropped[i]).filter((_, i) => (rule.low ? (i + 1) / bars <= at : i / bars >= at));
    broken.push(beyond.reduce((a, b) => a + b, 0) * here.unit);
  }
  for (let i = 0; i < bars; i++) {
    const x = i * 10 + 0.5, up = step * Math.sqrt(passed[i]), down = step * Math.sqrt(dropped[i]);
    if (up) drawing.append(shape("rect", { class: "passed", x, y: zero - up, width: 9, height: up }));
    if (down) drawing.append(shape("rect", { class: "dropped", x, y: zero, width: 9, height: down }));
  }
  drawing.append(shape("line", { class: "zero", x1: 0, x2: 400, y1: zero, y2: zero }));
  const pages = here.pages[0] + here.pages[1];
  const rule = told.join(", ") || "no threshold";
  drawing.setAttribute("aria-label", `${title}: ${count(here.pages[0])} pages passed, ${count(here.pages[1])} dropped; ${rule}`);
  drawing.append(shape("title", {}, `${count(here.pages[0])} passed, ${count(here.pages[1])} dropped`));
  const beyond = broken.reduce((a, b) => a + b, 0);
  const share = beyond ? `; beyond: about ${count(beyond)} of ${count(pages)}` : told.length ? "; none clearly beyond" : "";
  return [
    drawing,
    make("div", { class: "ends", "aria-hidden": "true" }, make("span", {}, measure.scale === "log" ? "1" : "0"), make("span", {}, figure(measure.end))),
    make("p", { class: "limits" }, rule + share),
  ];
}
function showPlots() {
  const code = $("measure-language").value, name = $("measure-name").value, out = [];
  for (const key of name ? [name] : Object.keys(data.measures)) {
    for (const one of code ? [code] : Object.keys(data.measures[key].languages)) if (data.measures[key].languages[one]) {
      const title = name && !code ? languageName(one) : data.says[key] || key;
      out.push(make("figure", {}, make("figcaption", {}, title, make("code", {}, name && !code ? one : key)), ...plot(key, one, title)));
    }
  }
  $("plots").replaceChildren(...out);
}
if (data.measures) {
  const pages = {};
  for (const measure of Object.values(data.measures))
    for (const [code, here] of Object.entries(measure.languages)) pages[code] = Math.max(pages[code] || 0, here.pages[0] + here.pages[1]);
  const codes = Object.keys(data.languages).filter((code) => pages[code]);
  const names = Object.keys(data.measures).sort((a, b) => !data.measures[a].rules.length - !data.measures[b].rules.length);
  data.measures = Object.fromEntries(names.map((name) => [name, data.measures[name]]));
  $("measure-language").append(make("option", { value: "" }, "all languages"), ...codes.map((code) => make("option", { value: code }, languageName(code))));
  $("measure-name").append(make("option", { value: "" }, "all measures"), ...names.map((name) => make("option", { value: name }, data.says[name] || name)));
  $("measure-language").value = codes.reduce((a, b) => (pages[b] > pages[a] ? b : a));
  for (const id of ["measure-language", "measure-name"]) $(id).addEventListener("change", () => {
    // one measure in all languages, or all measures of one language: all of both would be a thousand drawings
    if (!$("measure-language").value && !$("measure-name").value) {
      if (id === "measure-language") $("measure-name").value = names[0]; else $("measure-language").value = codes[0];
    }
    showPlots();
  });
  showPlots();
}

// --- sampled pages -----------------------------------------------------------------------------------------------------------

let found = [], current = 0;

function tally(samples, key) {
  const counts = new Map();
  for (const sample of samples) counts.set(key(sample), (counts.get(key(sample)) || 0) + 1);
  return counts;
}
function fillFilters() {
  const groups = tally(data.samples, (s) => s.group), verdicts = tally(data.samples, (s) => s.verdict), families = tally(data.samples, (s) => familyOf(s.verdict));
  const option = (value, name, n) => make("option", { value }, `${name} (${n})`);
  $("by-language").append(option("", "all", data.samples.length), ...[...Object.keys(data.languages), "other"].filter((code) => groups.has(code)).map((code) => option(code, languageName(code), groups.get(code))));
  $("by-verdict").append(option("", "all", data.samples.length), option("!kept", "all that were dropped", data.samples.length - (families.get("kept") || 0)));
  for (const family of Object.keys(data.families).filter((name) => families.has(name))) {
    const group = make("optgroup", { label: familyName(family) });
    group.append(option(family, family, families.get(family)));
    for (const [verdict, n] of [...verdicts].sort()) if (familyOf(verdict) === family && verdict !== family) group.append(option(verdict, verdict, n));
    $("by-verdict").append(group);
  }
}
function filter() {
  const language = $("by-language").value, verdict = $("by-verdict").value, words = $("by-text").value.toLocaleLowerCase();
  found = data.samples.filter((s) =>
    (!language || s.group === language) &&
    (!verdict || s.verdict === verdict || familyOf(s.verdict) === verdict || (verdict === "!kept" && s.verdict !== "kept")) &&
    (!words || `${s.title || ""}\n${s.url || ""}\n${s.excerpt}`.toLocaleLowerCase().includes(words)));
  $("found").textContent = `${count(found.length)} of ${count(data.samples.length)} sampled pages`;
  $("list").replaceChildren(...found.map((s, i) => {
    const button = make("button", { type: "button" }, make("b", { lang: iso(s), dir: "auto" }, s.title || s.url || s.id),
      make("span", { class: "chip" }, swatch(s.verdict), `${s.verdict}`), make("span", {}, ` · ${languageName(s.language || "und")}`));
    button.addEventListener("click", () => { show(i); if (matchMedia("(max-width: 50rem)").matches) $("reading").scrollIntoView(); $("reading").focus({ preventScroll: true }); });
    return make("li", {}, button);
  }));
  show(0);
}
const iso = (s) => (data.languages[s.language] || [])[1];
function swatch(verdict) {
  return shape("svg", { class: "swatch", viewBox: "0 0 10 10", "aria-hidden": "true" }, shape("rect", { class: `f-${familyOf(verdict)}`, width: 10, height: 10 }));
}
function reason(s) {
  const family = familyOf(s.verdict), box = make("div", { class: "reason", style: `--fate: var(--${family in data.families ? family : "soft"})` });
  const says = (data.families[family] || ["", ""])[1];
  if (s.verdict === "kept") box.append(make("p", {}, "Kept: it passed every rule."));
  else if (s.value !== undefined && s.threshold !== undefined) {
    const side = s.value < s.threshold ? "at least" : "at most", what = data.says[s.rule] === s.rule ? "" : data.says[s.rule];
    box.append(make("p", {}, make("code", {}, s.rule || s.verdict), what ? ` (${what})` : "", " is ", make("b", {}, figure(s.value)), `; ${side} `, make("b", {}, figure(s.threshold)), " was asked."));
    const end = 1.25 * Math.max(Math.abs(s.value), Math.abs(s.threshold)) || 1, x = 100 * s.threshold / end;
    box.append(shape("svg", { class: "gauge", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img", "aria-label": `${figure(s.value)} against ${figure(s.threshold)}` },
      shape("rect", { class: "value", x: 0, y: 2.5, width: Math.max(0.6, 100 * s.value / end), height: 5 }), shape("line", { class: "limit", x1: x, x2: x, y1: 0, y2: 10 })));
  } else {
    box.append(make("p", {}, `Dropped: ${says}.`));
    if (s.rule) box.append(make("p", {}, make("code", {}, s.rule), s.value === undefined ? "" : `: ${figure(s.value)}`));
  }
  if (s.evidence && s.evidence !== String(s.value)) box.append(make("p", {}, make("small", {}, s.evidence)));
  if (s.duplicate_of) box.append(make("p", {}, make("small", {}, "The copy that stands for it: ", make("code", {}, s.duplicate_of))));
  return box;
}
function body(s) {
  if (!s.excerpt) return make("p", { class: "more" }, "No text was extracted.");
  const text = make("div", { class: "text", lang: iso(s), dir: "auto" });
  for (const piece of s.excerpt.split(/(<[a-z_]+-pii>)/)) text.append(/^<[a-z_]+-pii>$/.test(piece) ? make("mark", {}, piece) : piece);
  return text;
}
function show(at) {
  current = at;
  [...$("list").querySelectorAll("button")].forEach((button, i) => (i === at ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current")));
  const s = found[at], article = $("reading");
  if (!s) { article.replaceChildren(make("p", { class: "more" }, "No sampled page is like that.")); return; }
  const score = (x) => (x === undefined ? "" : ` ${x.toFixed(3)}`);
  const marks = [
    ["language", `${languageName(s.language || "und")} (${s.language || "und"})${score(s.language_score)}`],
    ["runner-up", s.second ? `${languageName(s.second)} (${s.second})${score(s.second_score)}` : null],
    ["words", s.words === undefined ? null : count(s.words)],
    ["copies", s.cluster_size > 1 ? `${count(s.cluster_size)} pages in its cluster` : null],
    ["found in", `${s.source}, at ${s.offset}`],
    ["whole story", make("code", {}, `euro-curate explain OUTPUT --id ${s.id}`)],
  ].filter(([, value]) => value).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]);
  const turn = (name, to) => {
    const button = make("button", { type: "button" }, name);
    button.disabled = !found[to];
    button.addEventListener("click", () => { show(to); $("list").children[to].scrollIntoView({ block: "nearest" }); article.focus({ preventScroll: true }); article.scrollTop = 0; });
    return button;
  };
  article.replaceChildren(...[
    make("span", { class: "chip" }, swatch(s.verdict), s.verdict),
    make("h3", { lang: iso(s), dir: "auto" }, s.title || "Without a title"),
    s.url ? make("p", { class: "url" }, s.url) : null,
    reason(s), body(s),
    s.more_chars > 0 ? make("p", { class: "more" }, `… and ${count(s.more_chars)} more characters.`) : null,
    make("dl", { class: "marks" }, ...marks),
    make("div", { class: "turn" }, turn("← Previous", at - 1), turn("Next →", at + 1)),
  ].filter(Boolean));
  article.scrollTop = 0;
}
if (data.samples) {
  fillFilters();
  for (const id of ["by-language", "by-verdict"]) $(id).addEventListener("change", filter);
  $("by-text").addEventListener("input", filter);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const link of document.querySelectorAll("a[data-verdict]")) link.addEventListener("click", () => {
    $("by-language").value = link.dataset.language; $("by-verdict").value = link.dataset.verdict; $("by-text").value = "";
    for (const id of ["by-language", "by-verdict"]) if (!$(id).value) $(id).value = "";  // nothing of that kind was sampled
    filter();
  });
  filter();
}
