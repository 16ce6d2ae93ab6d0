// Keeps the page fresh and adds comfort. Every page works without it.
"use strict";
(() => {
  const root = document.documentElement;
  // In cookies, so that the server writes them into the page and nothing flashes.
  const keep = (name, value) => { document.cookie = `pilotage_${name}=${value}; path=/; max-age=31536000; samesite=lax`; };
  const THEMES = ["system", "light", "dark"];
  const setTheme = (theme) => (theme === "system" ? delete root.dataset.theme : (root.dataset.theme = theme));
  let theme = root.dataset.theme ?? "system";

  const byId = (id) => document.getElementById(id);
  const say = (text) => { const at = byId("announce"); if (at) at.textContent = text; };

  // --- Theme and times ---
  const toggles = () => {
    const themes = byId("theme");
    const times = byId("times");
    if (!themes || !times) return;
    const show = () => {
      themes.textContent = `Theme: ${theme}`;
      times.setAttribute("aria-pressed", String(root.dataset.times === "absolute"));
    };
    themes.hidden = times.hidden = false;
    themes.addEventListener("click", () => {
      theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      setTheme(theme);
      keep("theme", theme);
      show();
    });
    times.addEventListener("click", () => {
      const absolute = root.dataset.times !== "absolute";
      if (absolute) root.dataset.times = "absolute"; else delete root.dataset.times;
      keep("times", absolute ? "absolute" : "relative");
      show();
    });
    show();
  };

  const relative = (at) => {
    const away = (Date.now() - at) / 1000;
    const s = Math.floor(Math.abs(away));
    if (away >= -1 && s < 1) return "just now";
    const [n, unit] = s < 60 ? [s, "s"] : s < 3600 ? [s / 60, "min"] : s < 172800 ? [s / 3600, "h"] : [s / 86400, "days"];
    return away >= 0 ? `${Math.floor(n)} ${unit} ago` : `in ${Math.floor(n)} ${unit}`;
  };
  const tick = () => {
    for (const time of document.querySelectorAll("time[datetime] > .rel")) {
      const text = relative(Date.parse(time.parentElement.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
  };

  // --- Copying ---
  const copyable = (within) => {
    for (const one of within.querySelectorAll("[data-copy]:not([tabindex])")) {
      one.tabIndex = 0;
      one.setAttribute("role", "button");
      one.setAttribute("aria-label", `Copy ${one.textContent}`);
    }
  };
  const copy = async (one) => {
    const text = one.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without a secure context there is no clipboard: select it, so that it can be copied by hand.
      getSelection().selectAllChildren(one);
      say("Selected; copy it with your keyboard");
      return;
    }
    one.classList.add("copied");
    say(`Copied ${text}`);
    setTimeout(() => one.classList.remove("copied"), 1500);
  };

  // --- Asking first, in a dialog that holds the page that asks ---
  const ask = async (link) => {
    const answer = await fetch(link.href, { headers: { accept: "text/html", "x-pilotage-refresh": "1" } }).catch(() => null);
    const page = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
    const question = page && page.getElementById("ask");
    if (!question) { location.href = link.href; return; }
    const dialog = document.createElement("dialog");
    const heading = question.querySelector("h1");
    heading.id = "ask-title";
    dialog.setAttribute("aria-labelledby", "ask-title");
    dialog.append(document.adoptNode(question));
    document.body.append(dialog);
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-close]")) { event.preventDefault(); dialog.close(); }
    });
    dialog.addEventListener("close", () => { dialog.remove(); link.focus(); });
    dialog.showModal();
    dialog.querySelector("[data-close]").focus();
  };

  // --- Taking over what changed, and nothing else ---
  const keyOf = (node) => (node.nodeType === 1 ? node.dataset.key || node.id || "" : "");
  // What a person has changed by hand stays: open details, the contents of fields.
  const KEPT = { DETAILS: ["open"], INPUT: ["value", "checked"], DIALOG: ["open"] };
  const same = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);
  const morph = (old, fresh) => {
    if (old.nodeType !== 1) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    if (old.isEqualNode(fresh)) return;
    const keep = KEPT[old.nodeName] || [];
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !keep.includes(name) && !(old.dataset.copy !== undefined && ["tabindex", "role", "aria-label"].includes(name))) old.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (!keep.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const byKey = new Map([...old.children].filter(keyOf).map((child) => [keyOf(child), child]));
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const key = keyOf(next);
      const known = key ? byKey.get(key) : at && !keyOf(at) && same(at, next) ? at : null;
      if (known && same(known, next)) {
        if (known === at) at = at.nextSibling; else old.insertBefore(known, at);
        morph(known, next);
      } else {
        const added = document.importNode(next, true);
        old.insertBefore(added, at);
        if (added.nodeName === "TR") added.classList.add("new");
      }
    }
    while (at) { const gone = at; at = at.nextSibling; gone.remove(); }
  };

  // Said now and then, as a number: a busy hour must not talk without pause.
  const QUIET = 8000;
  let unsaid = 0;
  let pausing = false;
  const tell = () => {
    if (unsaid === 0 || pausing) return;
    say(unsaid === 1 ? "1 new line" : `${unsaid} new lines`);
    unsaid = 0;
    pausing = true;
    setTimeout(() => { pausing = false; tell(); }, QUIET);
  };
  const arrived = (regions) => {
    unsaid += regions.reduce((sum, one) => sum + one.querySelectorAll("tr.new").length, 0);
    tell();
  };
  const isSelecting = () => { const chosen = getSelection(); return chosen && !chosen.isCollapsed; };

  let busy = false;
  let again = false;
  let last = 0;
  const refresh = async () => {
    if (busy) { again = true; return; }
    if (document.hidden || document.querySelector("dialog[open]")) return;
    busy = true;
    again = false;
    const began = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html", "x-pilotage-refresh": "1" } });
      if (answer.status === 401) { state("lost", "signed out"); return; }
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      // A selection would be lost: a later look brings what this one has.
      if (isSelecting()) return;
      const regions = [...document.querySelectorAll("[data-live][id]")];
      for (const region of regions) {
        const fresh = page.getElementById(region.id);
        for (const one of region.querySelectorAll("tr.new")) one.classList.remove("new");
        if (fresh) morph(region, fresh);
      }
      copyable(document);
      tick();
      arrived(regions);
    } catch {
      // The stream says when the server is away.
    } finally {
      busy = false;
      last = Date.now();
      // A burst may take a third of the time, here and there; a quick page shows every batch of the stream, ten in a second.
      pause = Math.min(PAUSE.most, Math.max(PAUSE.least, 2 * (performance.now() - began)));
      if (again) soon();
    }
  };
  const PAUSE = { least: 40, most: 1000 };
  let pause = PAUSE.least;
  let planned = null;
  const soon = () => {
    if (planned !== null) return;
    planned = setTimeout(() => { planned = null; refresh(); }, Math.max(0, last + pause - Date.now()));
  };

  // --- The connection, in words ---
  const state = (name, word) => {
    const link = byId("link");
    if (!link || link.dataset.state === name) return;
    link.hidden = false;
    link.dataset.state = name;
    byId("link-word").textContent = word;
  };
  // What the stream does not tell, such as rules that were changed; and everything while there is no stream.
  const POLL = { live: 10000, other: 2000 };
  const connect = () => {
    if (!document.querySelector("[data-live]")) return;
    state("wait", "connecting");
    let source = null;
    const open = () => {
      source = new EventSource("/api/v1/stream?activity=true");
      let greeted = false;
      source.addEventListener("open", () => { state("live", "live"); if (greeted) soon(); greeted = true; });
      source.addEventListener("error", () => {
        if (source.readyState === EventSource.CLOSED) { state("lost", "offline"); setTimeout(open, 5000); } else state("wait", "reconnecting");
      });
      for (const name of ["snapshot", "updates", "reset", "activity"]) source.addEventListener(name, soon);
    };
    open();
    setInterval(() => {
      const isSoon = document.querySelector("[data-soon]") || byId("link").dataset.state !== "live";
      if (!document.hidden && Date.now() - last >= (isSoon ? POLL.other : POLL.live)) soon();
    }, 1000);
    addEventListener("pagehide", () => source?.close());
    addEventListener("pageshow", (event) => { if (event.persisted) { open(); soon(); } });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) soon(); });
  };

  const start = () => {
    toggles();
    copyable(document);
    tick();
    setInterval(tick, 1000);
    connect();
    // What was just done is said once, not again when the page is reloaded or shared.
    const here = new URL(location.href);
    if (here.searchParams.has("done")) {
      here.searchParams.delete("done");
      here.searchParams.delete("n");
      history.replaceState(null, "", here);
    }
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-ask]");
      if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); ask(link); return; }
      const one = event.target.closest("[data-copy]");
      if (one) copy(one);
    });
    document.addEventListener("keydown", (event) => {
      const one = event.target.closest?.("[data-copy]");
      if (one && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); copy(one); }
      if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.nodeName)) { event.preventDefault(); byId("q")?.focus(); }
    });
  };
  // The page is painted first; what is not in front is not painted.
  if (document.hidden) start(); else requestAnimationFrame(() => setTimeout(start));
})();
