"use strict";
(() => {
  // The table: sorted by the header that is pressed, and filtered by what is chosen above it.
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0], headers = [...table.tHead.rows[0].cells];
    headers.forEach((header, column) => {
      header.querySelector("button").addEventListener("click", () => {
        const sign = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
        headers.forEach((other) => other.removeAttribute("aria-sort"));
        header.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        const key = (row) => row.cells[column];
        const compare = (one, other) => {
          const [a, b] = [key(one), key(other)];
          if (!("order" in a.dataset)) return sign * a.textContent.localeCompare(b.textContent);
          if (a.dataset.order === "" || b.dataset.order === "") return (a.dataset.order === "") - (b.dataset.order === "");
          return sign * (Number(a.dataset.order) - Number(b.dataset.order));
        };
        body.append(...[...body.rows].sort(compare));
      });
    });
  }
  const form = document.querySelector(".filters");
  if (form) {
    const selects = [...form.querySelectorAll("select")], rows = [...document.querySelectorAll("table.sortable tbody tr")];
    const apply = () => {
      let shown = 0;
      for (const row of rows) {
        const own = JSON.parse(row.dataset.filters);
        row.hidden = selects.some((select) => select.value && own[select.dataset.filter] !== select.value);
        shown += !row.hidden;
      }
      form.querySelector(".count").textContent = shown === rows.length ? "" : `${shown} of ${rows.length} cells`;
    };
    form.addEventListener("change", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply();
  }

  // What is cut off at the right is shaded there, so that one sees that it goes on.
  for (const part of document.querySelectorAll(".scroll")) {
    const look = () => part.classList.toggle("goes-on", part.scrollLeft + part.clientWidth < part.scrollWidth - 1);
    part.addEventListener("scroll", look, { passive: true });
    new ResizeObserver(look).observe(part);
  }

  // Paper has nothing to unfold.
  window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));

  // A failing trial: a lane an actor, a box an operation, and the shared state after the one that is chosen.
  const WIDTH = 30, LANE = 48, TOP = 22, BOX = 22, PAPER = 620;
  const svg = (name, attributes, ...children) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const html = (name, text, kind = "") => {
    const made = document.createElement(name);
    made.textContent = text;
    made.className = kind;
    return made;
  };
  const LETTERS = { read: "R", write: "W", sync: "", quiet: "" };

  for (const data of document.querySelectorAll(".story .data")) {
    const article = data.closest(".story"), story = JSON.parse(data.textContent);
    const player = article.querySelector(".player"), chart = player.querySelector(".chart");
    const range = player.querySelector("input"), count = story.steps.length;
    const x = (step) => step * WIDTH + WIDTH / 2, y = (actor) => TOP + actor * LANE + LANE / 2;
    const width = count * WIDTH, height = TOP + story.actors.length * LANE;
    const drawing = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    const band = svg("rect", { class: "now-band", y: 0, width: WIDTH, height, x: -WIDTH });
    drawing.append(band);
    player.querySelector(".names").append(...story.actors.map((name) => html("div", name)));
    story.actors.forEach((_, actor) => drawing.append(svg("line", { class: "lane", x1: 0, x2: width, y1: y(actor), y2: y(actor) })));
    story.steps.forEach((step, place) => {
      for (const [kind, offset] of [["holds", 17], ["waits", -17]]) {
        for (const actor of Object.keys(step[kind])) {
          const at = y(Number(actor)) + offset;
          drawing.append(svg("line", { class: kind.slice(0, -1), x1: place * WIDTH, x2: (place + 1) * WIDTH, y1: at, y2: at }));
        }
      }
      if (place % 5 === 4 || place === 0) {
        const number = svg("text", { x: x(place), y: 14 });
        number.textContent = place + 1;
        drawing.append(number);
      }
    });
    if (story.pair) {
      const [a, b] = story.pair, [from, to] = [y(story.steps[a].actor), y(story.steps[b].actor)], middle = (x(a) + x(b)) / 2;
      const bend = from === to ? from - LANE / 2 : (from + to) / 2;
      drawing.append(svg("path", { class: "pair", d: `M ${x(a)} ${from} Q ${middle} ${bend} ${x(b)} ${to}` }));
    }
    const boxes = story.steps.map((step, place) => {
      const size = step.kind === "quiet" ? BOX / 2 : BOX;
      const title = svg("title", {}), letter = svg("text", { x: x(place), y: y(step.actor) + 4 });
      title.textContent = `${place + 1}. ${story.actors[step.actor]}: ${step.text}${step.line ? ` (${step.line})` : ""}`;
      letter.textContent = LETTERS[step.kind];
      const kind = `step ${step.kind}${story.pair && story.pair.includes(place) ? " in-pair" : ""}`;
      const box = svg("g", { class: kind }, title, svg("rect", { x: x(place) - size / 2, y: y(step.actor) - size / 2, width: size, height: size, rx: 4 }), letter);
      box.addEventListener("click", () => show(place + 1));
      box.addEventListener("mouseenter", () => tell(place + 1));
      box.addEventListener("mouseleave", () => tell(at));
      drawing.append(box);
      return box;
    });
    chart.append(drawing);

    let at = 0;
    const shared = player.querySelector(".shared");
    const tell = (number) => {
      const now = player.querySelector(".now"), list = html("dl", "");
      const step = story.steps[number - 1], before = number > 1 ? story.steps[number - 2].state : {};
      now.replaceChildren();
      shared.replaceChildren();
      if (!step) {
        now.append(html("p", "Before the first step. Press Forward, or an arrow key.", "what"));
        return;
      }
      now.append(html("p", `${number}. ${story.actors[step.actor]}: ${step.text}`, "what"));
      const more = [["at ", step.line], ["value ", step.value], ["clock ", step.clock === null ? "" : `${step.clock.toPrecision(4)} s`]];
      for (const [lead, text] of more) if (text) now.append(html("p", lead + text));
      if (step.is_preempted) now.append(html("p", "The turn was taken from an actor that could have gone on."));
      for (const [actor, things] of Object.entries(step.holds)) now.append(html("p", `${story.actors[actor]} holds ${things.join(", ")}`));
      for (const [actor, thing] of Object.entries(step.waits)) now.append(html("p", `${story.actors[actor]} waits for ${thing}`));
      for (const [name, value] of Object.entries(step.state)) list.append(html("dt", name), html("dd", value, before[name] === value ? "" : "changed"));
      shared.append(list.children.length ? list : html("p", "Nothing was read or written so far.", "note"));
    };
    const show = (number) => {
      at = Math.max(0, Math.min(count, number));
      range.value = at;
      player.querySelector(".where").textContent = `step ${at} of ${count}`;
      band.setAttribute("x", (at - 1) * WIDTH);
      boxes.forEach((box, place) => box.classList.toggle("ahead", place >= at));
      const [first, back, on, last] = player.querySelectorAll("button");
      first.disabled = back.disabled = at === 0;
      on.disabled = last.disabled = at === count;
      const place = at * WIDTH - chart.clientWidth / 2;
      chart.scrollLeft = Math.max(0, place);
      tell(at);
    };
    const moves = { first: () => 0, back: () => at - 1, on: () => at + 1, last: () => count };
    player.querySelectorAll("button").forEach((button) => button.addEventListener("click", () => show(moves[button.dataset.go]())));
    range.addEventListener("input", () => show(Number(range.value)));
    const keys = { ArrowLeft: "back", ArrowRight: "on", Home: "first", End: "last" };
    player.addEventListener("keydown", (event) => {
      if (event.target === range || !(event.key in keys)) return;
      event.preventDefault();
      show(moves[keys[event.key]]());
    });
    player.classList.toggle("is-long", width > PAPER);
    player.hidden = false;
    show(story.pair ? story.pair[1] + 1 : count);
  }
})();
