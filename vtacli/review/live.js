// With vta at the other end: what the buttons ask for, and what has changed since.
let asked = 0;
async function ask(what, body) {
  asked++;
  try {
    const answer = await fetch("do/" + what, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body || {}) });
    const told = await answer.json();
    if (!answer.ok) tell(told.error, true);
    else await look();
    return answer.ok;
  } catch { tell("vta does not answer: is it still running?", true); return false; }
  finally { asked--; }
}
let quiet;
function tell(text, bad) {
  const box = $("said");
  box.textContent = text; box.hidden = !text; box.classList.toggle("bad", !!bad);
  clearTimeout(quiet); quiet = setTimeout(() => { box.hidden = true; }, bad ? 12000 : 6000);
}

// ---- what the server knows
let state = { page: data.page, lanes: data.lanes, film: data.film ? data.film.src : null, told: data.told };
async function read(what, kind) {
  // null where vta does not answer, or is lost half-way: the next look asks again
  try {
    const answer = await fetch(what);
    return answer.ok ? await answer[kind]() : null;
  } catch { return null; }
}
async function look() {
  const now = await read("state", "json");
  if (!now) { document.body.dataset.lost = "yes"; tell("vta has stopped. Start vta review again.", true); return; }
  if (document.body.dataset.lost) { delete document.body.dataset.lost; $("said").hidden = true; }
  if (now.page !== state.page && !await swap()) return;
  if (now.lanes !== state.lanes) {
    const lanes = await read("lanes", "text");
    if (lanes === null) return;
    $("lanes").innerHTML = lanes; place(); show(shownScene);
  }
  if (now.film && now.film !== film.dataset.src) bring(now.film);
  $("making").hidden = !now.making; $("making").textContent = now.making || "";
  $("undo").disabled = !now.undo || now.busy; $("undo").title = now.undo ? "Take back: " + now.undo : "Nothing to take back";
  jobs(now.jobs);
  if (now.told > (state.told || 0)) tell(now.said, now.bad);
  const before = state;
  state = { page: now.page, lanes: now.lanes, film: now.film, told: now.told };
  document.body.dataset.page = now.page;
  return before;
}
async function swap() {
  const fresh = await read("page.json", "json");
  if (!fresh) return false;
  const kept = [...document.querySelectorAll(".redo input")].filter((i) => i.dataset.touched).map((i) => [i.form.dataset.redo, i.name, i.value]);
  const active = document.activeElement && document.activeElement.form ? [document.activeElement.form.dataset.redo, document.activeElement.name] : null;
  data = { ...data, ...fresh.data };
  $("inspector").innerHTML = fresh.inspector; $("list").innerHTML = fresh.table; $("facts").innerHTML = fresh.facts;
  for (const [n, name, value] of kept) {
    const input = document.querySelector('.redo[data-redo="' + n + '"] [name="' + name + '"]');
    if (input) { input.value = value; input.dataset.touched = "yes"; }
  }
  if (active) { const input = document.querySelector('.redo[data-redo="' + active[0] + '"] [name="' + active[1] + '"]'); if (input) input.focus(); }
  if (heard && !takeOf(heard)) hearFilm();
  show(scene(shownScene) ? shownScene : data.scenes[0].n); volume(); say();
  return true;
}
function bring(src) {
  // not while a take is heard with the picture: that would stop it
  if (wanted && heard) return;
  const t = film.currentTime, going = wanted;
  film.src = src; film.dataset.src = src;
  film.addEventListener("loadedmetadata", () => { if (t) film.currentTime = t; if (going) play(); }, { once: true });
}
function jobs(list) {
  const box = $("jobs");
  box.replaceChildren(...list.map((j) => {
    const row = document.createElement("li"), words = document.createElement("span");
    words.textContent = j.what + (j.detail ? ": " + j.detail : "");
    row.append(words);
    if (j.running) {
      const bar = document.createElement("progress");
      if (j.share !== null) { bar.max = 1; bar.value = j.share; }
      bar.setAttribute("aria-label", j.what); row.append(bar);
    }
    const stop = document.createElement("button");
    stop.type = "button"; stop.className = "small"; stop.textContent = "Cancel";
    stop.addEventListener("click", () => ask("cancel", { job: j.id }));
    row.append(stop);
    return row;
  }));
}

// ---- what is asked
document.addEventListener("input", (e) => { if (e.target.closest(".redo")) e.target.dataset.touched = "yes"; });
document.addEventListener("click", (e) => {
  const b = e.target.closest("[data-do]");
  if (!b || b.disabled) return;
  const body = { scene: Number(b.dataset.scene) };
  if (b.dataset.take) body.take = Number(b.dataset.take);
  ask(b.dataset.do, body);
});
document.addEventListener("submit", (e) => {
  e.preventDefault();
  const form = e.target, get = (name) => form.elements[name].value.trim();
  const body = { scene: Number(form.dataset.redo), takes: Number(get("takes") || 1) };
  for (const name of ["prompt", "negative"]) if (form.elements[name].dataset.touched) body[name] = get(name);
  if (get("seed")) body.seed = Number(get("seed"));
  for (const input of form.querySelectorAll("input")) delete input.dataset.touched;
  ask("redo", body);
});
$("undo").addEventListener("click", () => ask("undo"));
$("render").addEventListener("click", () => ask("render"));
keys.p = () => { if (heard) ask("pick", heard); };
keys.k = () => { const s = scene(shownScene); if (s) ask(s.lock ? "unlock" : "lock", { scene: s.n }); };
async function watch() {
  if (!asked) await look();
  setTimeout(watch, document.hidden ? 4000 : 700);
}
watch();
