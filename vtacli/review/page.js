"use strict";
// The page: one film, one take beside it, and a playhead that everything follows.
let data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const film = $("film"), take = $("take");
take.preservesPitch = false; // stretching smears a blow, a few percent of pitch are not heard
// A take that is far from its picture jumps there; one that is a little early or late runs slower or
// faster, by a few percent, until it is in step. A jump would be heard.
const FAR_S = 0.15, NEAR_S = 0.012, MOST_RATE = 0.08;
let heard = null; // {scene, take} where a take is heard, null for the film's own track
let shownScene = 0, zoom = 1, correctedAt = 0;
let wanted = false, holding = false; // is to play; is held until a take is ready too
const made = new Map(); // addresses of embedded media

function address(media) {
  if (!media) return "";
  if (media.src) return media.src;
  if (!made.has(media.embed)) {
    const text = atob($("media-" + media.embed).textContent);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    made.set(media.embed, URL.createObjectURL(new Blob([bytes], { type: media.type })));
  }
  return made.get(media.embed);
}
const scene = (n) => data.scenes.find((s) => s.n === n);
const takeOf = (h) => h && scene(h.scene) && scene(h.scene).takes.find((t) => t.n === h.take);
const sceneAt = (t) => data.scenes.find((s) => t < s.end - 1e-6) || data.scenes[data.scenes.length - 1];
const pictureS = () => data.rate[1] / data.rate[0];

// ---- time as people read it
function two(n) { return String(n).padStart(2, "0"); }
function clock(t) {
  if (data.start === null) {
    const h = Math.floor(t / 3600), m = Math.floor(t / 60) % 60, s = Math.floor(t) % 60;
    return (h ? h + ":" + two(m) : m) + ":" + two(s) + "." + String(Math.floor(t * 1000) % 1000).padStart(3, "0");
  }
  const base = Math.round(data.rate[0] / data.rate[1]);
  let n = Math.floor(t / pictureS() + 1e-3) + data.start;
  if (data.drop) {
    const d = base / 15, ten = 600 * base - 9 * d, minute = 60 * base - d;
    const rest = n % ten;
    n += 9 * d * Math.floor(n / ten) + (rest > d ? d * Math.floor((rest - d) / minute) : 0);
  }
  const s = Math.floor(n / base);
  return two(Math.floor(s / 3600) % 24) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60) + (data.drop ? ";" : ":") + two(n % base);
}

// ---- what is heard
function say() {
  const t = takeOf(heard);
  $("heard").textContent = t ? "Scene " + heard.scene + ", take " + heard.take : "Film with its track";
  $("heard").classList.toggle("apart", !!t);
  $("tofilm").hidden = !t;
  const playing = wanted;
  document.body.dataset.heard = t ? heard.scene + "/" + heard.take : "film";
  $("play").classList.toggle("playing", playing);
  $("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  for (const b of document.querySelectorAll("[data-hear]")) {
    const on = !!t && b.dataset.hear === heard.scene + "/" + heard.take;
    b.classList.toggle("on", on);
    b.classList.toggle("playing", on && playing);
    b.setAttribute("aria-pressed", String(on && playing));
    if (b.closest(".take")) b.closest(".take").classList.toggle("on", on);
  }
}
function volume() {
  const v = Number($("volume").value), s = heard && scene(heard.scene);
  film.volume = v;
  take.volume = Math.min(1, s ? v * s.gain * (takeOf(heard) || { raise: 1 }).raise : v);
}
function hearFilm() {
  heard = null; take.pause(); film.muted = false; volume(); say();
}
function hear(n, number) {
  const s = scene(n), t = s && s.takes.find((x) => x.n === number);
  if (!t) return;
  const same = heard && heard.scene === n && heard.take === number;
  if (same && wanted) { pause(); return; }
  const inside = wanted && film.currentTime >= s.start && film.currentTime < s.end - 0.05;
  heard = { scene: n, take: number };
  film.muted = true;
  const src = address(t.media);
  if (take.dataset.src !== src) { take.src = src; take.dataset.src = src; }
  volume();
  // from one take to another too: for a moment the picture stands, so that the new one is in step
  holding = true; film.pause();
  if (!inside) seek(s.start, true);
  play();
}
function play() { wanted = true; say(); start(); }
function start() {
  // Picture and take begin in one moment, when both are ready where they are to begin.
  if (!wanted) return;
  if (heard && film.paused) {
    const s = scene(heard.scene);
    if (film.seeking || film.readyState < 3 || take.seeking || take.readyState < 3) return;
    const should = Math.min(Math.max(0, film.currentTime - s.start), take.duration - 0.02);
    if (Math.abs(take.currentTime - should) > NEAR_S) { take.currentTime = should; return; }
    take.playbackRate = 1;
    take.play().catch(() => {});
  }
  holding = false;
  if (film.paused) {
    const started = film.play();
    if (started) started.catch(() => { wanted = !film.paused; say(); });
  } else align(true);
}
function pause() { wanted = holding = false; film.pause(); take.pause(); say(); }
function align(now) {
  // The picture leads. The take's clock begins with its scene.
  if (!heard || film.paused) return;
  const s = scene(heard.scene);
  if (!s || film.seeking || take.readyState < 1) return;
  const should = Math.max(0, film.currentTime - s.start);
  const off = take.currentTime - should;
  const moment = performance.now();
  if (Math.abs(off) > FAR_S ? now || moment - correctedAt > 400 : now && take.paused) {
    take.currentTime = should; correctedAt = moment; take.playbackRate = 1;
  } else if (!take.seeking) {
    const rate = Math.abs(off) < NEAR_S ? 1 : 1 - Math.max(-MOST_RATE, Math.min(MOST_RATE, 1.5 * off));
    if (Math.abs(take.playbackRate - rate) > 0.004) take.playbackRate = rate;
  }
  const rolling = wanted && !film.paused && film.readyState > 2;
  if (rolling && take.paused && !take.ended && should < s.end - s.start) take.play().catch(() => {});
  if (!rolling && !take.paused) take.pause();
}
function seek(t, keep) {
  const to = Math.min(Math.max(0, t), data.duration - 0.001);
  if (heard && !keep) {
    const s = scene(heard.scene);
    if (!s || to < s.start - 1e-6 || to >= s.end) hearFilm();
  }
  take.pause();
  film.currentTime = to === 0 ? 0 : to + 0.0005; // within the picture, not between two
  follow(to);
}
for (const ready of ["seeked", "canplay"]) {
  film.addEventListener(ready, start);
  take.addEventListener(ready, start);
}
film.addEventListener("playing", () => align(true));
film.addEventListener("waiting", () => take.pause());
take.addEventListener("error", () => { if (heard) { pause(); $("heard").textContent += " cannot be played"; } });
film.addEventListener("ended", () => { if ($("loop").checked && !heard) { seek(0); play(); } else if (!heard) pause(); });
film.addEventListener("pause", () => { if (wanted && !holding && !film.ended) { wanted = false; take.pause(); say(); } });
film.addEventListener("play", () => { if (!wanted) { wanted = true; say(); } });

// ---- what follows the playhead
function follow(t) {
  const share = data.duration ? t / data.duration : 0;
  $("head").style.transform = "translateX(" + share * $("inner").clientWidth + "px)";
  $("clock").textContent = clock(t);
  if (document.activeElement !== $("scrub") || wanted) $("scrub").value = t;
  $("scrub").setAttribute("aria-valuetext", clock(t));
  const s = sceneAt(t);
  const typing = document.activeElement && document.activeElement.closest(".redo");
  if (s && s.n !== shownScene && !typing) show(s.n); // a form does not run away from who fills it in
  if (heard) {
    const h = scene(heard.scene), on = document.querySelector(".take.on .at");
    if (h && on) on.style.left = 100 * Math.min(1, Math.max(0, (t - h.start) / (h.end - h.start))) + "%";
  }
}
function show(n) {
  shownScene = n;
  for (const a of document.querySelectorAll("#inspector .scene")) a.hidden = Number(a.dataset.scene) !== n;
  for (const r of document.querySelectorAll("tr[data-row]")) r.classList.toggle("now", Number(r.dataset.row) === n);
  for (const b of document.querySelectorAll(".block")) b.classList.toggle("now", Number(b.dataset.seek) === n);
}
function frame() {
  const t = film.currentTime;
  if (heard && wanted) {
    const s = scene(heard.scene);
    if (s && (t >= s.end - pictureS() / 2 || film.ended)) {
      holding = true; film.pause(); take.pause();
      if (!$("loop").checked) pause();
      seek(s.start, true);
    } else align(false);
  }
  if (wanted) {
    follow(film.currentTime);
    const box = $("scroll"), x = t / data.duration * $("inner").clientWidth;
    if (zoom > 1 && (x < box.scrollLeft || x > box.scrollLeft + box.clientWidth - 20)) box.scrollLeft = x - 40;
  }
  requestAnimationFrame(frame);
}
film.addEventListener("timeupdate", () => { if (!wanted) follow(film.currentTime); });

// ---- the lanes
function place() {
  for (const e of document.querySelectorAll("#lanes [data-left]")) e.style.left = 100 * e.dataset.left + "%";
  for (const e of document.querySelectorAll("#lanes [data-width]")) e.style.width = 100 * e.dataset.width + "%";
  for (const e of document.querySelectorAll(".gutter [data-top]")) e.style.top = e.dataset.top + "%";
  const motion = document.querySelector("#lanes .motion svg");
  $("motiontop").textContent = motion ? motion.dataset.top : "";
}
function ruler() {
  $("inner").style.width = 100 * zoom + "%";
  const wide = $("inner").clientWidth, box = $("ruler");
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800].find((s) => s / data.duration * wide >= 70) || 3600;
  box.replaceChildren();
  for (let i = 0; i * step < data.duration; i++) {
    const t = i * step, mark = document.createElement("span");
    mark.style.left = 100 * t / data.duration + "%";
    mark.textContent = Math.floor(t / 60) + ":" + two(Math.floor(t) % 60) + (step < 1 ? "." + Math.round(t * 10) % 10 : "");
    box.append(mark);
  }
  follow(film.currentTime || 0);
}
function magnify(by, middle) {
  const most = Math.max(4, data.duration * 200 / $("scroll").clientWidth);
  zoom = Math.min(most, Math.max(1, zoom * by));
  ruler();
  const t = middle === undefined ? film.currentTime : middle;
  $("scroll").scrollLeft = t / data.duration * $("inner").clientWidth - $("scroll").clientWidth / 2;
}
let dragging = false;
const timeUnder = (e) => (e.clientX - $("inner").getBoundingClientRect().left) / $("inner").clientWidth * data.duration;
$("inner").addEventListener("pointerdown", (e) => {
  if (e.button || e.target.closest("[data-seek]")) return;
  dragging = true; $("inner").setPointerCapture(e.pointerId); seek(timeUnder(e));
});
$("inner").addEventListener("pointermove", (e) => { if (dragging) seek(timeUnder(e)); });
for (const end of ["pointerup", "pointercancel"]) $("inner").addEventListener(end, () => { dragging = false; });
$("scroll").addEventListener("wheel", (e) => {
  if (e.ctrlKey) { e.preventDefault(); magnify(e.deltaY < 0 ? 1.5 : 1 / 1.5, timeUnder(e)); }
}, { passive: false });
$("closer").addEventListener("click", () => magnify(2));
$("wider").addEventListener("click", () => magnify(0.5));
new ResizeObserver(ruler).observe($("scroll"));

// ---- buttons and keys
async function copy(text) {
  try { await navigator.clipboard.writeText(text); } catch {
    const box = document.createElement("textarea");
    box.value = text; document.body.append(box); box.select(); document.execCommand("copy"); box.remove();
  }
}
document.addEventListener("click", (e) => {
  const b = e.target.closest("button");
  if (!b) return;
  if (b.dataset.hear) { const [s, t] = b.dataset.hear.split("/").map(Number); hear(s, t); }
  else if (b.dataset.seek) seek(scene(Number(b.dataset.seek)).start);
  else if (b.dataset.copy) {
    copy(b.dataset.copy);
    b.textContent = "Copied"; setTimeout(() => { b.textContent = "Copy"; }, 1200);
  }
});
$("play").addEventListener("click", () => { if (wanted) pause(); else play(); });
$("tofilm").addEventListener("click", hearFilm);
$("scrub").addEventListener("input", () => seek(Number($("scrub").value)));
$("volume").addEventListener("input", volume);
film.addEventListener("click", () => { if (wanted) pause(); else play(); });
film.addEventListener("dblclick", () => { if (film.requestFullscreen) film.requestFullscreen(); });
const keys = {
  " ": () => { if (wanted) pause(); else play(); },
  ArrowLeft: (e) => seek(film.currentTime - (e.shiftKey ? 1 : pictureS())),
  ArrowRight: (e) => seek(film.currentTime + (e.shiftKey ? 1 : pictureS())),
  ArrowUp: () => step(-1), ArrowDown: () => step(1),
  "0": () => { hearFilm(); }, l: () => { $("loop").checked = !$("loop").checked; },
};
for (let n = 1; n <= 9; n++) keys[n] = () => hear(shownScene, n);
function step(by) {
  const at = data.scenes.findIndex((s) => s.n === shownScene), to = data.scenes[at + by];
  if (to) seek(to.start); else if (by < 0) seek(0);
}
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.target.closest("input:not([type=range]):not([type=checkbox]), textarea, select")) return;
  if (e.key === " " && e.target.matches("button:focus-visible, input, a")) return;
  if (e.key.startsWith("Arrow") && e.target.matches("input[type=range]")) return;
  const act = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
  if (act) { e.preventDefault(); act(e); }
});
document.addEventListener("keyup", (e) => { // a button that a mouse has pressed is not pressed again by space
  if (e.key === " " && e.target.matches("button:not(:focus-visible)")) e.preventDefault();
});

function screen(src) { if (src && film.dataset.src !== src) { film.src = src; film.dataset.src = src; } }
screen(address(data.film));
place(); ruler(); show(data.scenes[0].n); volume(); say();
requestAnimationFrame(frame);
